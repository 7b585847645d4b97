/** What the page calls what became of messages and of dead letters. */

import type { LetterState, LetterVerdict, Verdict } from "../client/door";

interface Words {
  label: string;
  help: string;
}

export const VERDICT_WORDS: Record<Verdict, Words> = {
  accepted: { label: "Accepted", help: "It is durable. Shown as the source's policy has left it." },
  rejected: { label: "Rejected", help: "It can't be used and is kept as a dead letter." },
  refused: {
    label: "Refused",
    help: "For its sender: origin, rate, or a webhook's signature. Nothing is kept.",
  },
  declined: {
    label: "Declined",
    help: "The visitor asks not to be recorded. Only the event's name is told.",
  },
  suppressed: { label: "Suppressed", help: "The person was erased. Only the event's name is told." },
  ignored: { label: "Ignored", help: "A webhook that tells nothing of use here." },
};

export const STATE_WORDS: Record<LetterState, Words> = {
  new: { label: "New", help: "Waits to be mended and replayed, or dropped. One that fails again stays new." },
  replayed: { label: "Replayed", help: "It was taken in again and had its effect, once." },
  dropped: { label: "Dropped", help: "Given up. It can still be replayed from here." },
};

/** No state of its own: what an attempt answers about a letter that can't be judged any more. */
export const UNCERTAIN_HELP =
  "An attempt to replay it was cut off more than six days ago, so nobody can tell whether it had its effect. It is left alone: replaying might count it twice.";

export const ATTEMPT_WORDS: Record<LetterVerdict, Words> = {
  would_replay: { label: "Would be taken", help: "With these fixes it can be used." },
  replayed: { label: "Replayed", help: "It was taken in." },
  failed: { label: "Still failing", help: "It stays new, with the newest reason." },
  already_replayed: { label: "Already replayed", help: "It had its effect before; nothing was done." },
  suppressed: { label: "Erased", help: "Its person was erased, so it was dropped." },
  uncertain: { label: "Uncertain", help: UNCERTAIN_HELP },
  unknown: { label: "Gone", help: "There is no such letter any more." },
};

const STAGES: Record<string, string> = {
  ingest: "Front door",
  engine: "Engine",
  view: "Profile view",
  metrics: "Metrics",
  senders: "Senders",
  "alert-routes": "Alert routes",
};

export const stageLabel = (stage: string): string => STAGES[stage] ?? stage;

/** What can be done with a letter of a stage: the door's can be mended, the engine's only tried again. */
export const canReplay = (stage: string): boolean => stage === "ingest" || stage === "engine";
export const canMend = (stage: string): boolean => stage === "ingest";
