// The cart: product ids and quantities in this browser. It draws nothing and tells nobody.

export const shop = JSON.parse(document.getElementById("shop-data").textContent);
export const MOST = 20;

const CART = "saltmoor.cart";
const CODE = "saltmoor.code";
const root = location.origin + shop.base;

function recall(key, fallback) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? fallback;
  } catch {
    return fallback;
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Storage may be full or forbidden: the page still works, the cart just won't outlive it.
  }
}

const inRange = (quantity) => Math.min(MOST, Math.max(0, Math.floor(Number(quantity)) || 0));

export function lines() {
  const kept = Object.entries(recall(CART, {}));
  return kept
    .filter(([slug, quantity]) => Object.hasOwn(shop.products, slug) && inRange(quantity) > 0)
    .map(([slug, quantity]) => ({ slug, quantity: inRange(quantity), ...shop.products[slug] }));
}

export const pieces = () => lines().reduce((sum, line) => sum + line.quantity, 0);

export const quantityOf = (slug) => lines().find((line) => line.slug === slug)?.quantity ?? 0;

/** Sets a product's quantity (0 takes it out) and returns by how much the quantity changed. */
export function put(slug, quantity) {
  const before = quantityOf(slug);
  const cart = Object.fromEntries(lines().map((line) => [line.slug, line.quantity]));
  cart[slug] = inRange(quantity);
  if (cart[slug] === 0) delete cart[slug];
  remember(CART, cart);
  return inRange(quantity) - before;
}

export function clear() {
  remember(CART, {});
  remember(CODE, "");
}

/** Accepts a discount code; false when the shop knows no such code. */
export function useCode(code) {
  const wanted = String(code).trim().toUpperCase();
  if (!Object.hasOwn(shop.discounts, wanted)) return false;
  remember(CODE, wanted);
  return true;
}

export function totals() {
  const subtotal = lines().reduce((sum, line) => sum + line.price * line.quantity, 0);
  const code = recall(CODE, "");
  const percent = Object.hasOwn(shop.discounts, code) ? shop.discounts[code] : 0;
  const discount = Math.round(subtotal * percent) / 100;
  return { subtotal, code: percent ? code : "", discount, total: Math.round((subtotal - discount) * 100) / 100 };
}

/** Fills the cart from a link such as `?restore=teapot:1,cups:2`; true when there was something to restore. */
export function restore(wanted) {
  const asked = wanted
    .split(",")
    .map((part) => part.split(":"))
    .filter(([slug, quantity]) => Object.hasOwn(shop.products, slug) && inRange(quantity ?? 1) > 0);
  // What was put in since the link was sent stays.
  for (const [slug, quantity] of asked) put(slug, Math.max(quantityOf(slug), inRange(quantity ?? 1)));
  return asked.length > 0;
}

export const image = (slug) => `${root}/static/products/${slug}.svg`;

export const page = (slug) => `${root}/p/${slug}`;

export function cartUrl() {
  return `${root}/cart?restore=${lines().map((line) => `${line.slug}:${line.quantity}`).join(",")}`;
}

export const visitor = () => recall("saltmoor.visitor", {});

export const rememberVisitor = (traits) => remember("saltmoor.visitor", { ...visitor(), ...traits });

/** Carries an order over to the thank-you page. */
export const keepOrder = (order) => remember("saltmoor.order", order);

export function takeOrder() {
  const order = recall("saltmoor.order", null);
  remember("saltmoor.order", null);
  return order;
}
