/** Events as they happen (a sample of them on a busy stream). */

import { memo } from "react";
import type { LiveEvent } from "../client/types";
import { count, money, words } from "../lib/format";
import { familyOf } from "../lib/labels";
import { addressOf } from "../lib/route";
import { EmptyState } from "./EmptyState";
import { Feed, PausedNote } from "./Feed";
import { Link } from "./Link";
import { Ago } from "./times";
import { useSteadyList } from "./useSteadyList";

interface Props {
  events: readonly LiveEvent[];
  missed: number;
  active: boolean;
  demo: boolean;
  onLead: (id: string) => void;
}

export function EventsFeed({ events, missed, active, demo, onLead }: Props) {
  const { shown, waiting, hold } = useSteadyList(events);
  const skipped = missed > 0 && (
    <span title="This page could not keep up and skipped them. Nothing is lost in the counts.">
      {count(missed)} skipped
    </span>
  );
  return (
    <Feed
      testId="feed-events"
      title="Events"
      active={active}
      hold={hold}
      note={waiting > 0 ? <PausedNote waiting={waiting} /> : skipped}
    >
      {shown.length === 0 ? (
        <EmptyState icon="pulse" title="No events yet">
          {demo ? (
            "Open the demo shop and look around: each step appears here."
          ) : (
            <>
              Put the pixel on a page or send an event with an SDK: it appears here at once.{" "}
              <Link href={addressOf("sources")}>Sources</Link> has the snippet and the keys.
            </>
          )}
        </EmptyState>
      ) : (
        <ul className="rows">
          {shown.map((event) => (
            <EventRow key={event.id} event={event} onLead={onLead} />
          ))}
        </ul>
      )}
    </Feed>
  );
}

const EventRow = memo(({ event, onLead }: { event: LiveEvent; onLead: (id: string) => void }) => {
  const { name, who, detail, value, currency, source, profile, event_at_ms } = event;
  return (
    <li className="row event-row" data-kind="event" data-name={name} data-profile={profile}>
      <span className="family" data-family={familyOf(name)} aria-hidden="true" />
      <div className="row-line">
        <strong>{words(name)}</strong>
        <span className="truncate soft">{detail}</span>
        {value !== null && <span className="amount">{currency ? money(value, currency) : count(value)}</span>}
      </div>
      <div className="row-line small">
        <button type="button" className="who truncate" onClick={() => onLead(profile)}>
          {who}
        </button>
        <span className="soft truncate">{source}</span>
        <Ago at={event_at_ms} />
      </div>
    </li>
  );
});
