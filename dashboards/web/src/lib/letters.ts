/** How dead letters are asked for: the filter of an address, as the API takes it. Pure. */

import { LETTER_STATES, type LetterGroup } from "../client/door";

const FIELDS = ["source", "stage", "via", "code", "text"] as const;
export type FilterField = (typeof FIELDS)[number];

/** What narrows the letters down, without their state. */
export function narrowing(asked: Record<string, string>): Partial<Record<FilterField, string>> {
  return Object.fromEntries(FIELDS.flatMap((field) => (asked[field] ? [[field, asked[field]]] : [])));
}

/** The state to show: new unless the address says otherwise; "" for all. */
export function stateOf(asked: Record<string, string>): string {
  if (asked.state === "all") return "";
  return LETTER_STATES.find((state) => state === asked.state) ?? "new";
}

/** "3 letters", said by what they have in common: "of web · missing_field · via track". */
export function filterWords(asked: Record<string, string>): string {
  const { source, stage, via, code, text } = narrowing(asked);
  const parts = [
    source && `of ${source}`,
    stage && `at stage ${stage}`,
    code && `for ${code}`,
    via && `by ${via}`,
    text && `with “${text}” in the reason`,
  ];
  return parts.filter(Boolean).join(" ");
}

/** What it means that no letter is shown. */
export function nothingWords(asked: Record<string, string>): string {
  if (Object.keys(narrowing(asked)).length > 0) return "None is like this.";
  const state = stateOf(asked);
  if (state === "new") return "Nothing waits to be mended.";
  return state === "" ? "All that came in could be used." : `None was ${state}.`;
}

export interface Cause {
  key: string;
  source: string;
  stage: string;
  code: string;
  letters: number;
  lastMs: number;
}

/** Groups by what a reader would mend at once, the most frequent first: the way in is left out. */
export function causes(groups: readonly LetterGroup[], state: string): Cause[] {
  const found = new Map<string, Cause>();
  for (const { source, stage, code, letters, last_ms, state: is } of groups) {
    if (state && is !== state) continue;
    const key = JSON.stringify([source, stage, code]);
    const cause = found.get(key) ?? { key, source, stage, code, letters: 0, lastMs: 0 };
    found.set(key, {
      ...cause,
      letters: cause.letters + letters,
      lastMs: Math.max(cause.lastMs, last_ms),
    });
  }
  return [...found.values()].sort((a, b) => b.letters - a.letters || b.lastMs - a.lastMs);
}
