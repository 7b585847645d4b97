// The shop's pages: draws the cart, answers the forms.

import * as cart from "./cart.js";
import * as track from "./track.js";

const $ = (selector, within = document) => within.querySelector(selector);
const money = (amount) => amount.toLocaleString("en-US", { style: "currency", currency: cart.shop.currency });

function make(tag, text, className = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = className;
  return element;
}

function onSubmit(form, answer) {
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    answer(Object.fromEntries(new FormData(form)), form);
  });
}

function showCount() {
  const count = $("#cart-count");
  count.textContent = cart.pieces();
  count.classList.toggle("some", cart.pieces() > 0);
}

function showTotals() {
  const { subtotal, code, discount, total } = cart.totals();
  const rows = [["Subtotal", money(subtotal)]];
  if (code) rows.push([`Discount ${code}`, `−${money(discount)}`]);
  rows.push(["Shipping", "Free"], ["Total", money(total)]);
  $("#cart-totals").replaceChildren(
    ...rows.map(([label, amount]) => {
      const row = make("div", "");
      row.append(make("dt", label), make("dd", amount));
      return row;
    }),
  );
}

function lineItem(line) {
  const item = $("#line-template").content.firstElementChild.cloneNode(true);
  $("img", item).src = cart.image(line.slug);
  $(".name", item).textContent = line.name;
  $(".name", item).href = cart.page(line.slug);
  $(".each", item).textContent = `${money(line.price)} each`;
  $(".sum", item).textContent = money(line.price * line.quantity);
  $(".sr", item).textContent = `Quantity of ${line.name}`;
  const quantity = $("input", item);
  quantity.value = line.quantity;
  quantity.max = cart.MOST;
  const set = (wanted) => {
    track.changed(line.slug, cart.put(line.slug, wanted));
    showCart();
  };
  quantity.addEventListener("change", () => set(Math.max(1, quantity.value)));
  $(".remove", item).setAttribute("aria-label", `Remove ${line.name}`);
  $(".remove", item).addEventListener("click", () => set(0));
  return item;
}

function showCart() {
  const lines = cart.lines();
  $("#cart-empty").hidden = lines.length > 0;
  $("#cart-full").hidden = lines.length === 0;
  $("#cart-lines").replaceChildren(...lines.map(lineItem));
  showTotals();
  showCount();
}

/** Takes the cart (and a discount code) out of the address, so that reloading doesn't restore it again. */
function restoreFromAddress() {
  const address = new URL(location.href);
  const wanted = address.searchParams.get("restore");
  const code = address.searchParams.get("discount");
  if (code) cart.useCode(code);
  if (wanted) $("#restored").hidden = !cart.restore(wanted);
  address.searchParams.delete("restore");
  address.searchParams.delete("discount");
  if (wanted || code) history.replaceState(null, "", address);
}

const pages = {
  product() {
    const slug = document.body.dataset.product;
    track.viewed(slug);
    onSubmit($("#add"), ({ quantity }) => {
      const change = cart.put(slug, cart.quantityOf(slug) + Number(quantity));
      track.changed(slug, change);
      showCount();
      const link = make("a", "View the cart");
      link.href = `${cart.shop.base}/cart`;
      $("#added").replaceChildren(change > 0 ? "Added. " : `That is all we can put in one cart (${cart.MOST}). `, link);
      $("#added").hidden = false;
    });
  },

  cart() {
    restoreFromAddress();
    showCart();
    if (cart.pieces() > 0) track.cartViewed();
    onSubmit($("#discount"), ({ code }, form) => {
      const known = cart.useCode(code);
      $("#discount-note").textContent = known ? "Your discount is taken off below." : "We don't know that code.";
      if (known) form.reset();
      showTotals();
    });
  },

  checkout() {
    if (cart.pieces() === 0) {
      location.replace(`${cart.shop.base}/cart`);
      return;
    }
    $("#summary-lines").replaceChildren(
      ...cart.lines().map((line) => {
        const item = make("li", `${line.quantity} × ${line.name}`);
        item.append(make("span", money(line.price * line.quantity)));
        return item;
      }),
    );
    showTotals();
    checkoutForm($("#checkout"));
  },

  thanks() {
    const done = cart.takeOrder();
    if (!done) return;
    // Told here, not before leaving the checkout: this page stays, so the event can't be lost on the way.
    track.orderCompleted(done.order);
    $("#thanks-name").textContent = `, ${done.first_name}`;
    $("#thanks-order").textContent = `Order ${done.order.order_id} · ${money(done.order.revenue)}`;
  },
};

function checkoutForm(form) {
  const { email, name } = form.elements;
  const known = cart.visitor();
  email.value ||= known.email ?? "";
  name.value ||= known.name ?? known.first_name ?? "";
  let told = "";
  let started = false;
  const tell = () => {
    if (!email.value || !email.validity.valid) return;
    const traits = { email: email.value, name: name.value.trim(), first_name: name.value.trim().split(/\s+/)[0] };
    // The address goes first, so that a checkout that is left behind belongs to somebody.
    if (told !== JSON.stringify(traits)) track.identify(traits);
    told = JSON.stringify(traits);
    if (!started) track.checkoutStarted();
    started = true;
  };
  email.addEventListener("change", tell);
  name.addEventListener("change", tell);
  tell();
  onSubmit(form, () => {
    tell();
    cart.keepOrder({ order: track.order(), first_name: name.value.trim().split(/\s+/)[0] });
    cart.clear();
    location.assign(`${cart.shop.base}/thanks`);
  });
}

onSubmit($("#newsletter"), ({ email, first_name }, form) => {
  track.identify({ email, first_name: first_name.trim() });
  track.formSubmitted("newsletter");
  $("#newsletter-note").textContent = `Thank you${first_name.trim() && `, ${first_name.trim()}`}. The next letter is yours.`;
  form.reset();
});

onSubmit($("#tasting"), ({ email, first_name, company, people }, form) => {
  track.identify({ email, first_name: first_name.trim(), company: company.trim() });
  track.demoRequested({ form: "tasting", people });
  $("#tasting-note").textContent = `Thank you, ${first_name.trim()}. We will write to ${email} within a day.`;
  form.reset();
});

pages[document.body.dataset.page]?.();
showCount();
// Another tab changed the cart, or this page came back from the browser's memory.
const refresh = () => (document.body.dataset.page === "cart" ? showCart() : showCount());
addEventListener("storage", refresh);
addEventListener("pageshow", (event) => event.persisted && refresh());
