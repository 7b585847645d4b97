import { describe, expect, test } from "vitest";
import type { NotedFrame, NotedMessage, Verdict } from "../client/door";
import {
  growingFrom,
  NOTED_LIMITS,
  NOTHING_NOTED,
  type NotedState,
  newSince,
  reduceNoted,
  shownOf,
} from "./noted";

const message = (seq: number, verdict: Verdict = "accepted", times = 1): NotedMessage => ({
  seq,
  at_ms: seq,
  via: "track",
  verdict,
  reason: "",
  times,
  event: null,
  raw: null,
});
const frame = (data: NotedMessage, size = 10): NotedFrame => ({
  seq: data.seq,
  kind: "message",
  at_ms: data.at_ms,
  data,
  size,
});
const fed = (state: NotedState, ...frames: NotedFrame[]): NotedState =>
  reduceNoted(state, { type: "frames", frames });
const ALL = new Set<string>();

describe("messages of a source", () => {
  test("are shown newest first, whatever their verdict", () => {
    const state = fed(NOTHING_NOTED, frame(message(1)), frame(message(2, "rejected")), frame(message(3)));
    expect(shownOf(state, ALL, 10).map(({ seq }) => seq)).toEqual([3, 2, 1]);
  });

  test("that come once more after a reconnect are known", () => {
    const state = fed(NOTHING_NOTED, frame(message(1)), frame(message(2)));
    const again = fed(state, frame(message(1)), frame(message(2)), frame(message(3)));
    expect([again.counts.accepted, shownOf(again, ALL, 10).length]).toEqual([3, 3]);
  });

  test("that are rare outlast a flood of others", () => {
    const flood = Array.from({ length: 5000 }, (_, index) => frame(message(index + 2)));
    const state = fed(fed(NOTHING_NOTED, frame(message(1, "rejected"))), ...flood);
    expect([state.byVerdict.accepted.length, state.byVerdict.rejected.length]).toEqual([
      NOTED_LIMITS.entries,
      1,
    ]);
  });

  test("are bounded by their size, but the newest stays", () => {
    const huge = NOTED_LIMITS.characters + 1;
    const state = fed(NOTHING_NOTED, frame(message(1), huge), frame(message(2), huge));
    expect(state.byVerdict.accepted.map(({ seq }) => seq)).toEqual([2]);
  });

  test("of a verdict that nobody here knows are left out", () => {
    const state = fed(NOTHING_NOTED, frame(message(1, "postponed" as Verdict)), frame(message(2)));
    expect(shownOf(state, ALL, 10)).toHaveLength(1);
  });

  test("that were lost are counted", () => {
    const gap: NotedFrame = { seq: 9, kind: "gap", at_ms: 0, data: { missed: 7 }, size: 1 };
    expect(fed(fed(NOTHING_NOTED, gap), gap).missed).toBe(14);
  });
});

describe("refusals alike", () => {
  const state = fed(NOTHING_NOTED, frame(message(5000, "refused")), frame(message(9000, "refused")));

  test("grow in their row and in the count", () => {
    const grown = reduceNoted(state, { type: "alike", messages: [message(9000, "refused", 40)] });
    expect([grown.byVerdict.refused[0]?.times, grown.counts.refused]).toEqual([40, 41]);
  });

  test("leave the state as it is when nothing grew", () => {
    expect(reduceNoted(state, { type: "alike", messages: [message(9000, "refused", 1)] })).toBe(state);
  });

  test("are asked for as long as they may grow", () => {
    expect([growingFrom(state, 10_000, 6000), growingFrom(state, 10_000, 500)]).toEqual([5000, null]);
  });
});

test("only wanted verdicts are shown and counted as new", () => {
  const state = fed(NOTHING_NOTED, frame(message(1)), frame(message(2, "declined")));
  const wanted = new Set(["declined"]);
  expect([shownOf(state, wanted, 10).length, newSince(NOTHING_NOTED, state, wanted)]).toEqual([1, 1]);
});

test("a cleared list takes nothing again that it had, one begun anew takes all", () => {
  const state = fed(NOTHING_NOTED, frame(message(4)));
  const cleared = fed(reduceNoted(state, { type: "cleared" }), frame(message(4)));
  const begun = fed(reduceNoted(state, { type: "begun" }), frame(message(4)));
  expect([cleared.counts.accepted, begun.counts.accepted]).toEqual([0, 1]);
});
