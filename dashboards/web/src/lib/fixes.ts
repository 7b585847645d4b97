/** Fixes of dead letters as a form holds them, and the JSON text that the API gets. Pure. */

export type FixOp = "set" | "remove" | "rename";

export interface FixRow {
  key: number;
  op: FixOp;
  path: string;
  /** Of `set` the value, of `rename` the new path. */
  to: string;
}

export type ValueKind = "text" | "number" | "true or false" | "null" | "list" | "object";

/** What a typed value counts as: JSON where it is JSON, else text, as on the command line. */
export function kindOfValue(typed: string): ValueKind {
  const value = parsed(typed);
  if (value === undefined || typeof value === "string") return "text";
  if (value === null) return "null";
  if (Array.isArray(value)) return "list";
  return typeof value === "number" ? "number" : typeof value === "boolean" ? "true or false" : "object";
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The value as JSON text. What is JSON already stays as it was typed: numbers of any length lose no digit. */
export const valueJson = (typed: string): string =>
  parsed(typed) === undefined ? JSON.stringify(typed) : typed.trim();

/** The JSON list of the fixes; rows without a path are left out. */
export function fixesJson(rows: readonly FixRow[]): string {
  const fixes = rows
    .filter(({ path }) => path.trim() !== "")
    .map(({ op, path, to }) => {
      const place = `"op":"${op}","path":${JSON.stringify(path.trim())}`;
      if (op === "set") return `{${place},"value":${valueJson(to)}}`;
      if (op === "rename") return `{${place},"to":${JSON.stringify(to.trim())}}`;
      return `{${place}}`;
    });
  return `[${fixes.join(",")}]`;
}

/** The fix that replaces the whole body by `text`, which must be JSON. */
export const replacementJson = (text: string): string => `[{"op":"set","path":"","value":${text.trim()}}]`;

/** Why `text` is no JSON, with the line at fault where the browser tells it; "" when it is. */
export function jsonProblem(text: string): string {
  try {
    JSON.parse(text);
    return "";
  } catch (error) {
    const told = error instanceof Error ? error.message : String(error);
    const at = /position (\d+)/.exec(told)?.[1];
    if (at === undefined || /line \d/.test(told)) return told;
    return `${told} (line ${text.slice(0, Number(at)).split("\n").length})`;
  }
}

/** Whose row an error of the API is about ("fixes.1.path" is the second that was sent), else null. */
export function rowAtFault(field: string, rows: readonly FixRow[]): FixRow | null {
  const number = /^fixes\.(\d+)(\.|$)/.exec(field)?.[1];
  if (number === undefined) return null;
  return rows.filter(({ path }) => path.trim() !== "")[Number(number)] ?? null;
}

const INDENT = 2;

/** Text laid out for reading where it is JSON whose numbers survive that, else as it is. */
export function readable(text: string): string {
  const value = parsed(text);
  if (typeof value !== "object" || value === null) return text;
  const laidOut = JSON.stringify(value, null, INDENT);
  return sameTokens(text, laidOut) ? laidOut : text;
}

/** Whether both say the same but for space between their words, so that no digit was lost. */
const sameTokens = (one: string, other: string): boolean => withoutSpace(one) === withoutSpace(other);

const withoutSpace = (text: string): string =>
  text.replace(/"(?:[^"\\]|\\.)*"|\s+/g, (found) => (found.startsWith('"') ? found : ""));

/** The beginning of a text that may be huge, and how many characters are left out. */
export function bounded(text: string, most: number): { shown: string; left: number } {
  return text.length <= most
    ? { shown: text, left: 0 }
    : { shown: text.slice(0, most), left: text.length - most };
}
