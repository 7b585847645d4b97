import { describe, expect, test } from "vitest";
import {
  bounded,
  type FixRow,
  fixesJson,
  jsonProblem,
  kindOfValue,
  readable,
  replacementJson,
  rowAtFault,
} from "./fixes";

const row = (op: FixRow["op"], path: string, to = "", key = 1): FixRow => ({ key, op, path, to });

describe("fixes", () => {
  test("are the API's, without rows that have no path", () => {
    const rows = [row("set", "a.b", "9.9"), row("remove", " c "), row("rename", "d", "e"), row("set", "")];
    expect(JSON.parse(fixesJson(rows))).toEqual([
      { op: "set", path: "a.b", value: 9.9 },
      { op: "remove", path: "c" },
      { op: "rename", path: "d", to: "e" },
    ]);
  });

  test("take a value for JSON where it is JSON, else for text", () => {
    const typed = ['{"a": 1}', "[1]", "true", "null", "7", '"7"', "seven", ""];
    expect(typed.map(kindOfValue)).toEqual([
      "object",
      "list",
      "true or false",
      "null",
      "number",
      "text",
      "text",
      "text",
    ]);
  });

  test("keep every digit of a number", () => {
    expect(fixesJson([row("set", "id", "9007199254740993")])).toContain('"value":9007199254740993');
    expect(replacementJson(' {"id": 9007199254740993} ')).toContain('"value":{"id": 9007199254740993}}');
  });

  test("escape what is text", () => {
    expect(JSON.parse(fixesJson([row("set", 'a"b', 'say "hi"')]))[0]).toEqual({
      op: "set",
      path: 'a"b',
      value: 'say "hi"',
    });
  });

  test("know the row that the API found at fault", () => {
    const rows = [row("set", "", "", 1), row("set", "a", "", 2), row("rename", "b", "", 3)];
    expect([
      rowAtFault("fixes.1.to", rows)?.key,
      rowAtFault("ids", rows),
      rowAtFault("fixes.9", rows),
    ]).toEqual([3, null, null]);
  });
});

test("a text that is no JSON has a problem, JSON has none", () => {
  expect([jsonProblem('{"a": 1}'), jsonProblem('{"a": ') === ""]).toEqual(["", false]);
});

test("JSON is laid out unless that would lose a digit or a name", () => {
  expect([
    readable('{"a":[1]}'),
    readable('{"a":9007199254740993}'),
    readable('{"a":1,"a":2}'),
    readable("k=v"),
  ]).toEqual(['{\n  "a": [\n    1\n  ]\n}', '{"a":9007199254740993}', '{"a":1,"a":2}', "k=v"]);
});

test("long texts are cut, and say by how much", () => {
  expect([bounded("abc", 3), bounded("abcd", 3)]).toEqual([
    { shown: "abc", left: 0 },
    { shown: "abc", left: 1 },
  ]);
});
