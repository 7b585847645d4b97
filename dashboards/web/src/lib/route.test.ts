import { expect, test } from "vitest";
import { addressOf, placeOf } from "./route";

test("an address leads to its view with what it asks for", () => {
  expect(placeOf("/sources/live/", "?source=web&text=")).toEqual({ view: "live", asked: { source: "web" } });
});

test("an unknown address leads nowhere", () => {
  expect(placeOf("/sources/../etc", "").view).toBe("nowhere");
});

test("what is asked for survives the way into the address and back", () => {
  const asked = { source: "a&b", text: "100 % of “it”" };
  const address = new URL(addressOf("letters", { ...asked, code: "", stage: undefined }), "http://host");
  expect(placeOf(address.pathname, address.search)).toEqual({ view: "letters", asked });
});
