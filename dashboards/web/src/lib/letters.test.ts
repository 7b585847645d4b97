import { expect, test } from "vitest";
import type { LetterAttempt, LetterGroup, ReplayReport } from "../client/door";
import { begun, withReport } from "./bulk";
import { causes, filterWords, narrowing, nothingWords, stateOf } from "./letters";
import { isLocal, pageSnippet } from "./snippets";

const group = (some: Partial<LetterGroup>): LetterGroup => ({
  source: "web",
  stage: "ingest",
  via: "track",
  code: "missing_field",
  state: "new",
  letters: 1,
  first_ms: 0,
  last_ms: 0,
  ...some,
});
const attempt = (id: string, verdict: LetterAttempt["verdict"], reason = ""): LetterAttempt => ({
  id,
  verdict,
  reason,
  code: "",
  field: "",
  event_count: 0,
  events: [],
});

test("causes join the ways in, the most frequent first", () => {
  const found = causes(
    [
      group({ letters: 2, last_ms: 5 }),
      group({ via: "batch", letters: 3, last_ms: 9 }),
      group({ code: "invalid_json", letters: 4 }),
      group({ state: "dropped", letters: 99 }),
    ],
    "new",
  );
  expect(found.map(({ code, letters, lastMs }) => [code, letters, lastMs])).toEqual([
    ["missing_field", 5, 9],
    ["invalid_json", 4, 0],
  ]);
});

test("letters are new unless the address says otherwise", () => {
  expect([
    stateOf({}),
    stateOf({ state: "all" }),
    stateOf({ state: "dropped" }),
    stateOf({ state: "x" }),
  ]).toEqual(["new", "", "dropped", "new"]);
});

test("only what the API knows becomes a filter, and is told in words", () => {
  const asked = { source: "web", code: "wrong_type", letter: "0:1", state: "all" };
  expect([narrowing(asked), filterWords(asked)]).toEqual([
    { source: "web", code: "wrong_type" },
    "of web for wrong_type",
  ]);
});

test("that there is none means something else in each state", () => {
  const asked: Record<string, string>[] = [{}, { state: "all" }, { state: "dropped" }, { source: "web" }];
  expect(asked.map(nothingWords)).toEqual([
    "Nothing waits to be mended.",
    "All that came in could be used.",
    "None was dropped.",
    "None is like this.",
  ]);
});

test("answers about many letters add up, each reason told once", () => {
  const report = (verdicts: LetterAttempt[], matched: number, next_after: string | null): ReplayReport => ({
    dry_run: false,
    matched,
    verdicts,
    counts: { failed: verdicts.length },
    next_after,
  });
  const first = withReport(
    begun(false, "[]"),
    report([attempt("1", "failed", "a"), attempt("2", "failed", "a")], 3, "x"),
  );
  const all = withReport(first, report([attempt("3", "failed", "b")], 1, null));
  expect([first.isOver, all.isOver, all.tried, all.matched, all.counts.failed]).toEqual([
    false,
    true,
    3,
    3,
    3,
  ]);
  expect(all.failures.map(({ reason }) => reason)).toEqual(["a", "b"]);
});

test("the snippet of a page does without the stub where it is not built", () => {
  const lines = pageSnippet("https://h", "wk_1", "").split("\n");
  expect(lines[0]).toBe('<script async src="https://h/pixel.js" data-key="wk_1"></script>');
});

test("addresses of this machine alone are known as such", () => {
  expect(["localhost", "127.0.0.1", "[::1]", "127.example.com", "shop.example"].map(isLocal)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});
