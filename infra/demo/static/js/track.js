// What the shop tells CampaignIQ, through the pixel's one function. Page views are the pixel's own business.

import * as cart from "./cart.js";

const ciq = (...call) => window.ciq(...call);

function product(slug) {
  const { name, kind, price } = cart.shop.products[slug];
  return {
    product_id: slug,
    name,
    category: kind,
    price,
    currency: cart.shop.currency,
    image_url: cart.image(slug),
    url: cart.page(slug),
  };
}

const products = () => cart.lines().map((line) => ({ ...product(line.slug), quantity: line.quantity }));

export const viewed = (slug) => ciq("track", "Product Viewed", product(slug));

/** Says that a product's quantity grew or shrank by `change`; call it once the cart has changed. */
export function changed(slug, change) {
  if (change === 0) return;
  const name = change > 0 ? "Product Added" : "Product Removed";
  ciq("track", name, { ...product(slug), quantity: Math.abs(change), cart_url: cart.cartUrl() });
}

export function identify(traits) {
  const known = Object.fromEntries(Object.entries(traits).filter(([, value]) => value));
  cart.rememberVisitor(known);
  ciq("identify", known);
}

export function cartViewed() {
  ciq("track", "Cart Viewed", { products: products(), currency: cart.shop.currency, cart_url: cart.cartUrl() });
}

export function checkoutStarted() {
  const { total, discount, code } = cart.totals();
  ciq("track", "Checkout Started", {
    value: total,
    discount,
    coupon: code || undefined,
    currency: cart.shop.currency,
    products: products(),
    cart_url: cart.cartUrl(),
  });
}

/** Returns the properties of `Order Completed` for the present cart, under a new order number. */
export function order() {
  const { total, discount, code } = cart.totals();
  const letters = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"[byte % 32]);
  return {
    order_id: `SM-${letters.join("")}`,
    revenue: total,
    discount,
    coupon: code || undefined,
    currency: cart.shop.currency,
    products: products(),
  };
}

export const orderCompleted = (properties) => ciq("track", "Order Completed", properties);

export const formSubmitted = (form) => ciq("track", "Form Submitted", { form });

export const demoRequested = (properties) => ciq("track", "Demo Requested", properties);
