import { describe, expect, test } from "vitest";
import type { DoorReport, Source, Tally } from "../client/door";
import {
  doorWords,
  healthOf,
  kindLabel,
  lately,
  NOTHING,
  outcomes,
  paceOf,
  refusedLately,
  withSample,
} from "./door";

const tally = (some: Partial<Tally>): Tally => ({ ...NOTHING, ...some });
const report = (some: Partial<DoorReport> = {}): DoorReport => ({
  state: "ready",
  spooling: false,
  spool: null,
  disk: null,
  pending_bytes: 0,
  requests_refused: 0,
  drift: 0,
  total: NOTHING,
  sources: {},
  ...some,
});
const sample = (atMs: number, web: Partial<Tally>, some: Partial<DoorReport> = {}) => ({
  atMs,
  report: report({ total: tally(web), sources: { web: tally(web) }, ...some }),
});
const SOURCE = { id: "web", kind: "web", name: "Web", is_enabled: true } as Source;

describe("the front door in words", () => {
  test("names log, spool and disk when all is well", () => {
    const spool = { bytes: 0, quarantine_files: 0 };
    const disk = { free_bytes: 41e9, wanted_bytes: 1, is_low: false };
    expect(doorWords(report({ spool, disk }), 0).text).toBe("Log ready · spool empty · 41 GB of disk free");
  });

  test("tells a full disk before anything else", () => {
    const disk = { free_bytes: 1, wanted_bytes: 2, is_low: true };
    expect(doorWords(report({ disk, spooling: true }), 0).state).toBe("refusing");
  });

  test("says that spooled events are taken all the same", () => {
    const told = doorWords(report({ state: "away for 9 s; events are taken", spooling: true }), 0);
    expect([
      told.state,
      told.text.startsWith("The log has been away for 9 s. Events are still taken"),
    ]).toEqual(["spooling", true]);
  });

  test("tells requests that met no room, and books that don't balance", () => {
    expect([doorWords(report(), 3).state, doorWords(report({ drift: 1 }), 0).state]).toEqual([
      "refusing",
      "faulty",
    ]);
  });
});

describe("samples", () => {
  test("reach a minute back, and one further", () => {
    const all = [0, 30_000, 59_000, 61_000, 90_000].map((atMs) => sample(atMs, { accepted: atMs }));
    const kept = all.reduce((samples, one) => withSample(samples, one), [] as typeof all);
    expect(kept.map(({ atMs }) => atMs)).toEqual([30_000, 59_000, 61_000, 90_000]);
  });

  test("begin anew after a time in which nobody looked on", () => {
    expect(withSample([sample(0, {})], sample(40_000, {}))).toHaveLength(1);
  });

  test("of a process that started anew begin anew", () => {
    const kept = withSample([sample(0, { accepted: 50 })], sample(1000, { accepted: 3 }));
    expect(kept).toHaveLength(1);
  });

  test("tell what was counted between them", () => {
    const samples = [sample(0, { accepted: 10 }), sample(60_000, { accepted: 40 })];
    const recent = lately(samples, "web");
    expect([recent?.tally.accepted, paceOf(recent, 7)]).toEqual([30, 30]);
  });

  test("tell refusals since the first of them", () => {
    const samples = [
      sample(0, {}, { requests_refused: 2 }),
      sample(1, { accepted: 1 }, { requests_refused: 6 }),
    ];
    expect(refusedLately(samples)).toBe(4);
  });

  test("of a few seconds give way to what the metrics counted", () => {
    const recent = lately([sample(0, { accepted: 0 }), sample(2000, { accepted: 4 })], "web");
    expect([paceOf(recent, 33), paceOf(recent, null), paceOf(null, null)]).toEqual([33, 120, null]);
  });
});

describe("the health of a source", () => {
  const judged = (some: Partial<Tally>, spanMs = 60_000, is_enabled = true) =>
    healthOf({ ...SOURCE, is_enabled }, tally({ accepted: 99, ...some }), { spanMs, tally: tally(some) }, 0);

  test("tells the worst first", () => {
    const found = [
      judged({ accepted: 10 }),
      judged({ accepted: 10, rejected: 1 }),
      judged({ accepted: 10, rejected: 1, refused: 2 }),
      judged({}),
      judged({ accepted: 1 }, 60_000, false),
    ];
    expect(found.map(({ label }) => label)).toEqual(["Healthy", "10 % rejected", "Refused", "Quiet", "Off"]);
  });

  test("calls all rejected what is, and rounds no share to nothing", () => {
    const labels = [judged({ accepted: 3, rejected: 3 }), judged({ accepted: 900, rejected: 1 })];
    expect(labels.map(({ label }) => label)).toEqual(["All rejected", "1 % rejected"]);
  });

  test("is not quiet because the page has just been opened", () => {
    const words = healthOf(SOURCE, tally({ accepted: 9 }), { spanMs: 2000, tally: NOTHING }, 30);
    expect(words.health).toBe("well");
  });

  test("tells what was refused for its sender, unless others of the same key fare well", () => {
    const found = [
      judged({ origin_not_allowed: 4, bad_signature: 1 }),
      judged({ accepted: 9, origin_not_allowed: 4 }),
      judged({ accepted: 9, rate_limited: 4 }),
    ];
    expect(found.map(({ label }) => label)).toEqual(["Refused", "Healthy", "Refused"]);
    expect(found[0]?.help).toContain(
      "4 messages of pages that it does not allow; 1 message without a signature of its webhook secret.",
    );
  });

  test("is refused, and not new, where nothing was ever accepted", () => {
    const told = tally({ bad_signature: 2 });
    expect(healthOf(SOURCE, told, { spanMs: 60_000, tally: told }, 0).label).toBe("Refused");
  });

  test("is quiet only after a whole minute of looking on", () => {
    expect([judged({}, 9_000).label, judged({}).label]).toEqual(["Looking…", "Quiet"]);
  });

  test("is not known where nothing has come", () => {
    expect(healthOf(SOURCE, undefined, null, null).health).toBe("new");
  });
});

test("outcomes leave out what did not occur, but for what was taken", () => {
  const told = outcomes(tally({ declined: 2, rate_limited: 5 })).map(
    ({ label, events }) => `${events} ${label}`,
  );
  expect(told).toEqual(["0 taken", "5 above the rate", "2 declined"]);
});

test("kinds have their vendors' spelling", () => {
  expect([kindLabel("web"), kindLabel("woocommerce"), kindLabel("stripe")]).toEqual([
    "Website",
    "WooCommerce",
    "Stripe",
  ]);
});
