/** What a source's debugger knows: the newest of each verdict, so that a flood of one hides no other. Reads no clock. */

import { type NotedFrame, type NotedMessage, VERDICTS, type Verdict } from "../client/door";

export const NOTED_LIMITS = { entries: 300, characters: 2_000_000 };

export interface NotedEntry extends NotedMessage {
  size: number;
}

export interface NotedState {
  /** Newest first. */
  byVerdict: Record<Verdict, readonly NotedEntry[]>;
  /** All that came since the view was opened, with what came alike. */
  counts: Record<Verdict, number>;
  /** Messages that came faster than they could be shown. */
  missed: number;
  lastSeq: number;
}

export type NotedAction =
  | { type: "frames"; frames: readonly NotedFrame[] }
  | { type: "alike"; messages: readonly NotedMessage[] }
  | { type: "cleared" }
  | { type: "begun" };

const each = <T>(make: () => T): Record<Verdict, T> =>
  Object.fromEntries(VERDICTS.map((verdict) => [verdict, make()])) as Record<Verdict, T>;

export const NOTHING_NOTED: NotedState = {
  byVerdict: each<readonly NotedEntry[]>(() => []),
  counts: each(() => 0),
  missed: 0,
  lastSeq: 0,
};

export function reduceNoted(state: NotedState, action: NotedAction): NotedState {
  switch (action.type) {
    case "frames":
      return withFrames(state, action.frames);
    case "alike":
      return withAlike(state, action.messages);
    case "cleared":
      return { ...NOTHING_NOTED, lastSeq: state.lastSeq };
    case "begun":
      return NOTHING_NOTED;
  }
}

/** After a reconnect the server's memory comes once more, so what is not newer is known. */
function withFrames(state: NotedState, frames: readonly NotedFrame[]): NotedState {
  const fresh = each<NotedEntry[]>(() => []);
  const counts = { ...state.counts };
  let { lastSeq, missed } = state;
  for (const frame of frames) {
    if (frame.kind === "gap") missed += frame.data.missed;
    if (frame.kind !== "message" || frame.data.seq <= lastSeq) continue;
    const { verdict, seq, times } = frame.data;
    if (!(verdict in fresh)) continue; // a verdict that a newer server added
    lastSeq = seq;
    counts[verdict] += times;
    fresh[verdict].unshift({ ...frame.data, size: frame.size });
  }
  const byVerdict = { ...state.byVerdict };
  for (const verdict of VERDICTS) {
    if (fresh[verdict].length > 0) byVerdict[verdict] = cut([...fresh[verdict], ...byVerdict[verdict]]);
  }
  return { byVerdict, counts, missed, lastSeq };
}

function cut(entries: readonly NotedEntry[]): NotedEntry[] {
  let room = NOTED_LIMITS.characters;
  const end = entries.findIndex((entry, index) => {
    room -= entry.size;
    return index >= NOTED_LIMITS.entries || (room < 0 && index > 0);
  });
  return entries.slice(0, end < 0 ? entries.length : end);
}

/** The server tells a refusal once and counts those alike after it; asked again it tells how many there are. */
function withAlike(state: NotedState, messages: readonly NotedMessage[]): NotedState {
  const times = new Map(messages.map((message) => [message.seq, message.times]));
  let more = 0;
  const refused = state.byVerdict.refused.map((entry) => {
    const now = times.get(entry.seq) ?? entry.times;
    if (now <= entry.times) return entry;
    more += now - entry.times;
    return { ...entry, times: now };
  });
  if (more === 0) return state;
  return {
    ...state,
    byVerdict: { ...state.byVerdict, refused },
    counts: { ...state.counts, refused: state.counts.refused + more },
  };
}

/** The newest of the verdicts that are wanted; none wanted asks for all. */
export function shownOf(state: NotedState, wanted: ReadonlySet<string>, most: number): NotedEntry[] {
  return VERDICTS.filter((verdict) => wanted.size === 0 || wanted.has(verdict))
    .flatMap((verdict) => state.byVerdict[verdict].slice(0, most))
    .sort((a, b) => b.seq - a.seq)
    .slice(0, most);
}

/** How many messages came after `before`, of the verdicts that are wanted. */
export function newSince(before: NotedState, now: NotedState, wanted: ReadonlySet<string>): number {
  return VERDICTS.filter((verdict) => wanted.size === 0 || wanted.has(verdict)).reduce(
    (sum, verdict) => sum + Math.max(0, now.counts[verdict] - before.counts[verdict]),
    0,
  );
}

/** From which message on those alike may still grow, as of `nowMs` in the server's time; null when none may. */
export function growingFrom(state: NotedState, nowMs: number, forMs: number): number | null {
  const young = state.byVerdict.refused.filter((entry) => entry.at_ms > nowMs - forMs);
  return young.at(-1)?.seq ?? null;
}
