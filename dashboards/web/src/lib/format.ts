/** Words for numbers, money and the names of things. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** 1,234 below a hundred thousand, 1.2M above. */
export function count(n: number): string {
  return Math.abs(n) < 100_000 ? whole.format(n) : compact.format(n);
}

/** A rate: one decimal below ten, none above. */
export function rate(n: number): string {
  return n < 10 && !Number.isInteger(n) ? n.toFixed(1) : count(Math.round(n));
}

/** Points of a score: one decimal, without a trailing zero. */
export function points(n: number): string {
  const rounded = Math.round(n * 10) / 10;
  return String(Object.is(rounded, -0) ? 0 : rounded);
}

/** An amount of one currency, in millions from ten of them on; a code that is no ISO 4217 currency is written out. */
export function money(amount: number, currency: string): string {
  const size = Math.abs(amount);
  const digits = size >= 100_000 ? 0 : 2;
  const shape: Intl.NumberFormatOptions =
    size < 10_000_000
      ? { minimumFractionDigits: digits, maximumFractionDigits: digits }
      : { notation: "compact", minimumFractionDigits: 0, maximumFractionDigits: 2 };
  try {
    return new Intl.NumberFormat("en", { ...shape, style: "currency", currency }).format(amount);
  } catch {
    const plain = new Intl.NumberFormat("en", { ...shape, useGrouping: false });
    return `${plain.format(amount)} ${currency}`.trim();
  }
}

const ACRONYMS = /\b(mql|sms|utm|url|id)\b/g;

/** "pricing_viewed" -> "Pricing viewed", "mql_notice" -> "MQL notice". */
export function words(snake: string): string {
  const text = snake
    .replaceAll("_", " ")
    .trim()
    .replace(ACRONYMS, (acronym) => acronym.toUpperCase());
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** "1 order", "2 orders". */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

const UNITS = ["bytes", "KB", "MB", "GB", "TB"];

/** "812 bytes", "64 KB", "1.5 GB": thousands of thousands, as disks are sold. */
export function bytes(n: number): string {
  const step = n < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(n) / 3));
  const scaled = n / 1000 ** step;
  const digits = step > 0 && scaled < 10 ? 1 : 0;
  return `${scaled.toFixed(digits)} ${UNITS[step]}`;
}

/** Entries of a money record, largest amount first. */
export function byAmount<T>(record: Record<string, T>, amount: (value: T) => number): [string, T][] {
  return Object.entries(record).sort(([, a], [, b]) => amount(b) - amount(a));
}
