/** The front door in words: whether it takes events, and how each source fares. Pure. */

import type { DoorReport, Source, Tally } from "../client/door";
import { bytes, count, plural, words } from "./format";

export interface DoorWords {
  state: "ready" | "spooling" | "refusing" | "faulty";
  title: string;
  text: string;
}

/** What the log, the spool and the disk say together; the worst is told first. */
export function doorWords(report: DoorReport, refusedLately: number): DoorWords {
  const { disk, spool, spooling, state, drift } = report;
  if (disk?.is_low) {
    return {
      state: "refusing",
      title: "Events are refused: the disk is nearly full",
      text: `${bytes(disk.free_bytes)} are free and ${bytes(disk.wanted_bytes)} are kept in reserve. Senders are told to try again (503). Make room, and it goes on by itself.`,
    };
  }
  if (spooling) {
    const waiting = spool ? `${bytes(spool.bytes)} wait on disk` : "they wait on disk";
    return {
      state: "spooling",
      title: state.startsWith("is back")
        ? "The log is back; the spool goes there first"
        : "Events are spooled",
      text: `The log ${state.split(";")[0]?.replace(/^away/, "has been away")}. Events are still taken; ${waiting}, and go into the log in their order once it takes them.`,
    };
  }
  if (state !== "ready") {
    return {
      state: "refusing",
      title: "The log does not answer",
      text: `It ${state}. Senders may be told to try again (503) until it does.`,
    };
  }
  if (refusedLately > 0) {
    return {
      state: "refusing",
      title: "Events are refused",
      text: `${plural(refusedLately, "request")} met no room in the last minute and were told to try again (503).`,
    };
  }
  if (drift !== 0) {
    return {
      state: "faulty",
      title: "The books of the front door don't balance",
      text: `${plural(drift, "event")} were accepted and nothing became of them. Please report this with the log of the process.`,
    };
  }
  if (spool && spool.quarantine_files > 0) {
    return {
      state: "faulty",
      title: "A part of the spool was damaged",
      text: `${plural(spool.quarantine_files, "file")} were put aside in its quarantine folder; the rest has gone into the log.`,
    };
  }
  return { state: "ready", title: "The front door takes events.", text: readyText(report) };
}

function readyText({ spool, disk }: DoorReport): string {
  const parts = ["Log ready"];
  if (spool) parts.push(spool.bytes > 0 ? `${bytes(spool.bytes)} in the spool` : "spool empty");
  if (disk) parts.push(`${bytes(disk.free_bytes)} of disk free`);
  return parts.join(" · ");
}

/** A report and when it came, in the browser's time. */
export interface Sample {
  atMs: number;
  report: DoorReport;
}

const WINDOW_MS = 60_000;

/** Keeps about a minute. What counts from less than before is another process, and nobody looked on in a long gap. */
export function withSample(samples: readonly Sample[], sample: Sample): Sample[] {
  const newest = samples.at(-1);
  const restarted = newest !== undefined && newest.report.total.accepted > sample.report.total.accepted;
  const lookedAway = newest !== undefined && newest.atMs < sample.atMs - WINDOW_MS / 2;
  const known = restarted || lookedAway ? [] : samples;
  // One sample beyond the window stays, so that the window is always whole.
  const cut = known.findLastIndex(({ atMs }) => atMs <= sample.atMs - WINDOW_MS);
  return [...known.slice(Math.max(0, cut)), sample];
}

export interface Lately {
  spanMs: number;
  /** What was counted within the span. */
  tally: Tally;
}

export const NOTHING: Tally = {
  refused: 0,
  origin_not_allowed: 0,
  rate_limited: 0,
  bad_signature: 0,
  accepted: 0,
  appended: 0,
  spooled: 0,
  rejected: 0,
  duplicate: 0,
  declined: 0,
  suppressed: 0,
  failed: 0,
};

/** The last minute of a source, or what is known of it; null before there are two samples. */
export function lately(samples: readonly Sample[], source: string): Lately | null {
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last || first === last) return null;
  const before = first.report.sources[source] ?? NOTHING;
  const now = last.report.sources[source] ?? NOTHING;
  const names = Object.keys(NOTHING) as (keyof Tally)[];
  const tally = Object.fromEntries(names.map((name) => [name, now[name] - before[name]]));
  return { spanMs: last.atMs - first.atMs, tally: tally as unknown as Tally };
}

export function refusedLately(samples: readonly Sample[]): number {
  const first = samples[0];
  const last = samples.at(-1);
  return first && last ? Math.max(0, last.report.requests_refused - first.report.requests_refused) : 0;
}

/** A shorter look says little of a minute. */
const isWhole = ({ spanMs }: Lately): boolean => spanMs >= 0.9 * WINDOW_MS;

/** Events a minute: as the door counted them, or as the metrics did (`counted`) until the page has looked on for one. */
export function paceOf(recent: Lately | null, counted: number | null): number | null {
  if (recent && (isWhole(recent) || counted === null))
    return (recent.tally.accepted * 60_000) / recent.spanMs;
  return counted;
}

export type Health = "off" | "unknown" | "new" | "quiet" | "well" | "troubled" | "refused";

export interface HealthWords {
  health: Health;
  label: string;
  help: string;
}

const REFUSALS = [
  { name: "rate_limited", label: "above the rate", help: "more than its rate allows" },
  { name: "origin_not_allowed", label: "from other pages", help: "of pages that it does not allow" },
  { name: "bad_signature", label: "not signed", help: "without a signature of its webhook secret" },
] as const;

const turnedAway = (tally: Tally): number => REFUSALS.reduce((sum, { name }) => sum + tally[name], 0);

function refusalHelp(tally: Tally): string {
  const told = REFUSALS.filter(({ name }) => tally[name] > 0);
  const parts = told.map(({ name, help }) => `${plural(tally[name], "message")} ${help}`);
  return `In the last minute: ${parts.join("; ")}. Its live messages say more.`;
}

const LOOKING: HealthWords = {
  health: "unknown",
  label: "Looking…",
  help: "Nothing yet; this page has looked on for less than a minute.",
};
const WELL: HealthWords = {
  health: "well",
  label: "Healthy",
  help: "All that came in the last minute was taken.",
};
const ALL = 0.995;

export function healthOf(
  source: Source,
  tally: Tally | undefined,
  recent: Lately | null,
  counted: number | null,
): HealthWords {
  if (!source.is_enabled) {
    return { health: "off", label: "Off", help: "Everything it sends is refused until it is turned on." };
  }
  if (!tally || tally.accepted + tally.refused + turnedAway(tally) === 0) {
    return { health: "new", label: "Nothing yet", help: "Nothing has come since this process started." };
  }
  if (recent === null && !counted) return LOOKING;
  if (recent === null) return WELL;
  const { accepted, rejected, refused, failed, rate_limited } = recent.tally;
  if (refused + failed > 0) {
    return {
      health: "refused",
      label: "Refused",
      help: `${plural(refused + failed, "event")} met no room in the last minute.`,
    };
  }
  // Strangers use a key or an address where its owner fares well; what is above the rate is the owner's.
  if (rate_limited > 0 || (accepted === 0 && turnedAway(recent.tally) > 0)) {
    return { health: "refused", label: "Refused", help: refusalHelp(recent.tally) };
  }
  if (rejected > 0) {
    const share = rejected / accepted;
    const percent = share > ALL ? "All" : `${Math.max(1, Math.round(share * 100))} %`;
    return {
      health: "troubled",
      label: `${percent} rejected`,
      help: `${count(rejected)} of ${plural(accepted, "event")} in the last minute could not be used.`,
    };
  }
  if (accepted > 0 || (!isWhole(recent) && counted)) return WELL;
  if (!isWhole(recent)) return LOOKING;
  return { health: "quiet", label: "Quiet", help: "Nothing in the last minute." };
}

export interface Outcome {
  name: string;
  label: string;
  events: number;
  tone: "good" | "bad" | "warm" | "cold";
}

/** What became of a source's events, without what did not occur. */
export function outcomes(tally: Tally): Outcome[] {
  const all: Outcome[] = [
    { name: "taken", label: "taken", events: tally.appended + tally.spooled, tone: "good" },
    { name: "rejected", label: "rejected", events: tally.rejected, tone: "bad" },
    { name: "refused", label: "refused", events: tally.refused + tally.failed, tone: "warm" },
    ...REFUSALS.map(({ name, label }) => ({ name, label, events: tally[name], tone: "warm" as const })),
    { name: "duplicate", label: "repeated", events: tally.duplicate, tone: "cold" },
    { name: "declined", label: "declined", events: tally.declined, tone: "cold" },
    { name: "suppressed", label: "erased people's", events: tally.suppressed, tone: "cold" },
  ];
  return all.filter(({ name, events }) => events > 0 || name === "taken");
}

const KINDS: Record<string, string> = {
  web: "Website",
  server: "Server",
  bigcommerce: "BigCommerce",
  github: "GitHub-style",
  hubspot: "HubSpot",
  mailchimp_marketing: "Mailchimp",
  mailchimp_transactional: "Mailchimp Transactional",
  meta_leads: "Meta lead ads",
  paypal: "PayPal",
  sendgrid: "SendGrid",
  ses: "Amazon SES",
  standard_webhooks: "Standard Webhooks",
  whatsapp: "WhatsApp Cloud",
  woocommerce: "WooCommerce",
};

export const kindLabel = (kind: string): string => KINDS[kind] ?? words(kind);
export const isVendor = (kind: string): boolean => kind !== "web" && kind !== "server";
