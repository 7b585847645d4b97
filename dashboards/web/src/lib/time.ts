/** Words for times. Pure: the present is an argument. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "now", "12 s ago", "3 min ago", "2 h ago", "5 d ago". */
export function ago(atMs: number, nowMs: number): string {
  const passed = nowMs - atMs;
  if (passed < 2 * SECOND) return "now";
  return `${span(passed)} ago`;
}

/** A length of time in its largest unit: "12 s", "3 min", "2 h", "5 d". */
export function span(ms: number): string {
  if (ms < MINUTE) return `${Math.max(0, Math.floor(ms / SECOND))} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / DAY)} d`;
}

/** Time left as "0:09", "12:40" or "3 h 05 min"; "due" when it has passed. */
export function countdown(dueMs: number, nowMs: number): string {
  const left = Math.ceil((dueMs - nowMs) / SECOND);
  if (left <= 0) return "due";
  const hours = Math.floor(left / 3600);
  const minutes = Math.floor((left % 3600) / 60);
  if (hours > 0) return `${hours} h ${String(minutes).padStart(2, "0")} min`;
  return `${minutes}:${String(left % 60).padStart(2, "0")}`;
}

/** Age of data in the unit in which it is judged: "0.4 s", "12 s", "3 min". */
export function dataAge(ms: number): string {
  return ms < 10 * SECOND ? `${(Math.max(0, ms) / SECOND).toFixed(1)} s` : span(ms);
}

/** A delay between two steps: "40 ms", "1.2 s", "3 min"; negative ones count as 0. */
export function delay(ms: number): string {
  return ms < SECOND ? `${Math.max(0, Math.round(ms))} ms` : dataAge(ms);
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const clockWithSeconds = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const dateAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const clockTime = (ms: number): string => clock.format(ms);
export const exactClockTime = (ms: number): string => clockWithSeconds.format(ms);
export const fullTime = (ms: number): string => dateAndTime.format(ms);
