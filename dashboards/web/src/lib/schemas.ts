/** Schemas of events: which judge a source, how the API is asked, and where in a text something is. Pure. */

import type { SchemaNote } from "../client/door";
import { withParams } from "../client/http";

export const NEW_SCHEMA = `{
  "type": "object",
  "required": ["value"],
  "properties": {
    "value": { "type": "number", "minimum": 0 }
  }
}`;

/** Those that judge the source's events: its own go before those of all sources. */
export function inForce(schemas: readonly SchemaNote[], source: string): SchemaNote[] {
  const byEvent = new Map<string, SchemaNote>();
  for (const note of schemas) {
    if (note.source === source || (note.source === "" && !byEvent.has(note.event)))
      byEvent.set(note.event, note);
  }
  return [...byEvent.values()].sort((a, b) => a.event.localeCompare(b.event));
}

/** A slash would be read as a part of the address; in names of events it means as much as a space. */
const addressOf = (event: string): string =>
  `/api/event-schemas/${encodeURIComponent(event.replaceAll("/", " "))}`;

/** The newest version without a number. */
export const schemaPath = (event: string, source: string, version?: number): string =>
  withParams(addressOf(event), { source, version });

export const versionsPath = (event: string, source: string): string =>
  withParams(`${addressOf(event)}/versions`, { source });

/** The schema's own JSON out of the answer, whose last field it is: reading it as a value could cost digits. */
export function schemaText(answer: string): string {
  const start = answer.indexOf('"schema":') + '"schema":'.length;
  return answer.slice(start, answer.lastIndexOf("}")).trim();
}

/** The place in a schema that the API names, "" where it means all of it; null where it speaks of something else. */
export const placeOf = (field: string): string | null =>
  field === "schema" ? "" : field.startsWith("schema.") ? field.slice("schema.".length) : null;

const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** The line of `text` (JSON) at which the value of a place like "required.1" begins, from 1; null if there is none. */
export function lineOf(text: string, place: string): number | null {
  const open: { at: string | number | null }[] = [];
  for (const { 0: token, index } of text.matchAll(TOKENS)) {
    const inner = open.at(-1);
    const isKey = inner?.at === null && token.startsWith('"');
    if (inner && isKey) inner.at = JSON.parse(token) as string;
    const isItem = typeof inner?.at === "number" && !/^[\],]$/.test(token);
    if ((isKey || isItem) && open.map(({ at }) => at).join(".") === place) {
      return text.slice(0, index).split("\n").length;
    }
    if (token === "{" || token === "[") open.push({ at: token === "[" ? 0 : null });
    else if (token === "}" || token === "]") open.pop();
    else if (inner && token === ",") inner.at = typeof inner.at === "number" ? inner.at + 1 : null;
  }
  return null;
}
