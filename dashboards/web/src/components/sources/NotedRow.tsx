/** One message of a source in a line; opened, the whole of it. */

import { memo } from "react";
import { count, words } from "../../lib/format";
import { exactClockTime, fullTime } from "../../lib/time";
import type { NotedEntry } from "../../live/noted";
import { Json } from "../Json";
import { VerdictPill } from "./VerdictPill";

interface Props {
  entry: NotedEntry;
  open: boolean;
  onToggle: (seq: number, isOpen: boolean) => void;
}

export const NotedRow = memo(({ entry, open, onToggle }: Props) => {
  const { seq, at_ms, verdict, via, event, reason, raw, times } = entry;
  const title = event ? words(event.name) : reason || words(verdict);
  return (
    <li className="noted" data-testid="noted" data-verdict={verdict} data-name={event?.name} data-open={open}>
      <button type="button" className="noted-line" aria-expanded={open} onClick={() => onToggle(seq, !open)}>
        <time dateTime={new Date(at_ms).toISOString()} title={fullTime(at_ms)}>
          {exactClockTime(at_ms)}
        </time>
        <VerdictPill verdict={verdict} />
        <span className="noted-via soft">{via}</span>
        <span className="noted-text">
          {event && <strong>{title}</strong>} <NotedSummary entry={entry} />
        </span>
        {times > 1 && (
          <span
            className="note"
            data-tone="warm"
            data-testid="alike"
            title="As many came alike within five seconds"
          >
            {count(times)} alike
          </span>
        )}
      </button>
      {open && (
        <div className="noted-body">
          {reason && <p className="reason">{reason}</p>}
          {event && <Json text={JSON.stringify(event, null, 2)} label="The event" testId="noted-event" />}
          {raw !== null && <Json text={raw} label="What came, at most its first 2 KB" testId="noted-raw" />}
          {!event && raw === null && !reason && <p className="soft">Nothing more is kept of it.</p>}
        </div>
      )}
    </li>
  );
});

function NotedSummary({ entry: { event, reason, raw } }: { entry: NotedEntry }) {
  if (!event) {
    return (
      <>
        {reason} {raw && <code className="soft">{raw.slice(0, 160)}</code>}
      </>
    );
  }
  return (
    <>
      {event.flags.map((flag) => (
        <span key={flag} className="note" data-tone="cold">
          {flag}
        </span>
      ))}{" "}
      {event.profile} <code className="soft">{JSON.stringify(event.properties).slice(0, 160)}</code>
    </>
  );
}
