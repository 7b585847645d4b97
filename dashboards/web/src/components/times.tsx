/** Times that keep themselves current. */

import { useAtServerTime } from "../lib/serverTime";
import { ago, countdown, fullTime, span } from "../lib/time";

export function Ago({ at }: { at: number }) {
  const text = useAtServerTime((now) => ago(at, now));
  return (
    <time className="ago" dateTime={new Date(at).toISOString()} title={fullTime(at)}>
      {text}
    </time>
  );
}

/** "for 2 min", counting on. */
export function Lasting({ since }: { since: number }) {
  return <>{useAtServerTime((now) => span(now - since))}</>;
}

export function Countdown({ due }: { due: number }) {
  const text = useAtServerTime((now) => countdown(due, now));
  return (
    <time
      className="countdown"
      dateTime={new Date(due).toISOString()}
      title={`Counts as abandoned at ${fullTime(due)}`}
    >
      {text}
    </time>
  );
}
