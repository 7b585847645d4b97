import { expect, test } from "vitest";
import type { SchemaNote } from "../client/door";
import { inForce, lineOf, NEW_SCHEMA, placeOf, schemaPath, schemaText, versionsPath } from "./schemas";

const note = (event: string, source: string): SchemaNote => ({
  event,
  source,
  version: 1,
  created_ms: 0,
  author: "ada",
  is_removed: false,
});

test("a source's own schema goes before that of all, whichever comes first", () => {
  const all = [
    note("b", ""),
    note("a", "web"),
    note("a", ""),
    note("b", "web"),
    note("c", "app"),
    note("d", ""),
  ];
  expect(inForce(all, "web").map(({ event, source }) => `${event} ${source}`)).toEqual([
    "a web",
    "b web",
    "d ",
  ]);
});

test("names with slashes stay one part of the address", () => {
  expect([schemaPath("Order/Paid?", "web"), schemaPath("order", "")]).toEqual([
    "/api/event-schemas/Order%20Paid%3F?source=web",
    "/api/event-schemas/order",
  ]);
});

test("a version is asked for by its number, and all of them at an address of their own", () => {
  expect([schemaPath("order", "web", 3), versionsPath("a/b", "web"), versionsPath("order", "")]).toEqual([
    "/api/event-schemas/order?source=web&version=3",
    "/api/event-schemas/a%20b/versions?source=web",
    "/api/event-schemas/order/versions",
  ]);
});

test("a schema is taken out of the answer to the digit, whatever its author is called", () => {
  const answer = `{"event":"a","author":${JSON.stringify('"schema":{}')},"schema":{"maximum":9007199254740993}}`;
  expect(schemaText(answer)).toBe('{"maximum":9007199254740993}');
});

test("only what the API says of the schema has a place in it", () => {
  expect(["schema", "schema.properties.value", "event"].map(placeOf)).toEqual(["", "properties.value", null]);
});

test.each([
  ["properties.value.minimum", 5],
  ["required", 3],
  ["required.0", 3],
  ["properties.other", null],
])("%s is found in its line", (place, line) => {
  expect(lineOf(NEW_SCHEMA, place)).toBe(line);
});

test("items of lists are counted, also behind lists and objects among them", () => {
  const text = '{\n"a": [\n{"b": [1, "x,]"]},\n[2],\n{"c": {}},\n"last"\n]}';
  expect(["a.0.b.1", "a.1.0", "a.2.c", "a.3"].map((place) => lineOf(text, place))).toEqual([3, 4, 5, 6]);
});
