/** Whether the page is live, and how old its figures are. Turns amber, then red, when they stop being news. */

import { dataAge } from "../lib/time";
import { useAtTime } from "../lib/useNow";
import type { Connection } from "../live/socket";
import type { Freshness } from "../live/useLiveFeed";

const LATE_MS = 3000;
const STALE_MS = 10_000;

export type AgeState = "waiting" | "fresh" | "late" | "stale";

export function ageState(ageMs: number | null): AgeState {
  if (ageMs === null) return "waiting";
  if (ageMs < LATE_MS) return "fresh";
  return ageMs < STALE_MS ? "late" : "stale";
}

const CONNECTION = { connecting: "Connecting", open: "Live", waiting: "Reconnecting" };

export function DataAge({ connection, freshness }: { connection: Connection; freshness: Freshness }) {
  const { receivedAt, dataAgeMs } = freshness;
  // -1 stands for "nothing received yet".
  const ageMs = useAtTime("quarter", (now) =>
    receivedAt === null ? -1 : Math.max(0, dataAgeMs + now - receivedAt),
  );
  const known = ageMs < 0 ? null : ageMs;
  const state = connection === "open" ? ageState(known) : known === null ? "waiting" : "stale";
  return (
    <div className="data-age" data-state={state}>
      <span className="connection" data-testid="connection" data-state={connection} role="status">
        <span className="dot" />
        {CONNECTION[connection]}
      </span>
      <span className="stamp" data-testid="data-age" data-state={state} data-age-ms={known ?? undefined}>
        {known === null ? "waiting for data" : `data is ${dataAge(known)} old`}
      </span>
    </div>
  );
}
