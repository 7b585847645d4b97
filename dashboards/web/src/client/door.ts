/** What the API says of the front door: sources, what they send, and what could not be used. Times are Unix ms. */

export interface Policy {
  allowed_origins: string[];
  rate_per_s: number;
  burst: number;
  schemas: "off" | "warn" | "block";
  drop_fields: string[];
  hash_fields: string[];
  honours_opt_out: boolean;
  address: "truncate" | "keep" | "drop";
  uncounted: "crawlers" | "bots" | "nobody";
}

export interface Source {
  id: string;
  kind: string;
  name: string;
  is_enabled: boolean;
  /** Live now, the newest first. */
  write_keys: string[];
  webhook_path: string;
  webhook_secrets: number;
  /** When the newest key or secret took another's place; null when none has yet. */
  rotated_ms: number | null;
  policy: Policy;
}

export interface SourceList {
  sources: Source[];
  kinds: string[];
}

export interface SchemaNote {
  event: string;
  /** Whose events it judges; "" for those of all sources without one of their own. */
  source: string;
  version: number;
  created_ms: number;
  author: string;
  is_removed: boolean;
}

export interface SchemaList {
  schemas: SchemaNote[];
}

/** Events since the process started, by what became of them; what was refused for its sender has its error's name. */
export interface Tally {
  refused: number;
  origin_not_allowed: number;
  rate_limited: number;
  bad_signature: number;
  accepted: number;
  appended: number;
  spooled: number;
  rejected: number;
  duplicate: number;
  declined: number;
  suppressed: number;
  failed: number;
}

export interface DoorReport {
  state: string;
  spooling: boolean;
  spool: { bytes: number; quarantine_files: number } | null;
  disk: { free_bytes: number; wanted_bytes: number; is_low: boolean } | null;
  pending_bytes: number;
  requests_refused: number;
  drift: number;
  total: Tally;
  sources: Record<string, Tally>;
}

export interface ShownEvent {
  id: string;
  name: string;
  profile: string;
  source: string;
  at_ms: number;
  received_ms: number;
  value: number | null;
  currency: string | null;
  campaign: string;
  flags: string[];
  keys: Record<string, string>;
  properties: Record<string, unknown>;
  traits: Record<string, unknown>;
  provenance: Record<string, unknown>;
}

export const VERDICTS = ["accepted", "rejected", "refused", "declined", "suppressed", "ignored"] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface NotedMessage {
  seq: number;
  at_ms: number;
  via: string;
  verdict: Verdict;
  reason: string;
  times: number;
  event: ShownEvent | null;
  raw: string | null;
}

interface NotedPayloads {
  hello: { source: string; server_ms: number };
  message: NotedMessage;
  gap: { missed: number };
}

type NotedKind = keyof NotedPayloads;
/** `size` is what the message weighed on its way, in characters. */
export type NotedFrame = {
  [K in NotedKind]: { seq: number; kind: K; at_ms: number; data: NotedPayloads[K]; size: number };
}[NotedKind];

export const LETTER_STATES = ["new", "replayed", "dropped"] as const;
export type LetterState = (typeof LETTER_STATES)[number];

export interface Letter {
  id: string;
  source: string;
  stage: string;
  via: string;
  code: string;
  reason: string;
  field: string;
  at_ms: number;
  size_bytes: number;
  state: LetterState;
  state_ms: number | null;
  state_by: string;
  outcome: string;
  attempts: number;
}

export interface LetterDetail extends Letter {
  raw: string;
  encoding: "utf-8" | "base64";
  is_cut: boolean;
  head: Record<string, unknown>;
}

export interface LetterPage {
  letters: Letter[];
  total: number;
  next_after: string | null;
}

export interface LetterGroup {
  source: string;
  stage: string;
  via: string;
  code: string;
  state: LetterState;
  letters: number;
  first_ms: number;
  last_ms: number;
}

export interface LetterSummary {
  groups: LetterGroup[];
  states: Partial<Record<LetterState, number>>;
}

export type LetterVerdict =
  | "replayed"
  | "would_replay"
  | "failed"
  | "already_replayed"
  | "suppressed"
  | "uncertain"
  | "unknown";

export interface LetterAttempt {
  id: string;
  verdict: LetterVerdict;
  code: string;
  reason: string;
  field: string;
  event_count: number;
  events: ShownEvent[];
}

export interface ReplayReport {
  dry_run: boolean;
  matched: number;
  verdicts: LetterAttempt[];
  counts: Partial<Record<LetterVerdict, number>>;
  next_after: string | null;
}

export interface DropReport {
  dry_run: boolean;
  matched: number;
  dropped: number;
}
