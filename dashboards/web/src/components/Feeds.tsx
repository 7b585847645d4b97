/** The three live columns; on a narrow screen one of them at a time. */

import { useState } from "react";
import type { LiveState } from "../live/state";
import { EventsFeed } from "./EventsFeed";
import { LeadsFeed } from "./LeadsFeed";
import { OutgoingFeed } from "./OutgoingFeed";

const TABS = [
  { id: "events", label: "Events" },
  { id: "leads", label: "Carts & scores" },
  { id: "outgoing", label: "Messages" },
] as const;

interface Props {
  state: LiveState;
  onLead: (id: string) => void;
  onDelivery: (id: string) => void;
}

export function Feeds({ state, onLead, onDelivery }: Props) {
  const [tab, setTab] = useState<(typeof TABS)[number]["id"]>("events");
  return (
    <>
      <div className="feed-tabs segmented">
        {TABS.map(({ id, label }) => (
          <button key={id} type="button" aria-pressed={tab === id} onClick={() => setTab(id)}>
            {label}
          </button>
        ))}
      </div>
      <div className="feeds">
        <EventsFeed
          events={state.events}
          missed={state.missed}
          demo={state.hello?.demo ?? false}
          active={tab === "events"}
          onLead={onLead}
        />
        <LeadsFeed leads={state.leads} active={tab === "leads"} onLead={onLead} />
        <OutgoingFeed
          items={state.outgoing}
          active={tab === "outgoing"}
          onLead={onLead}
          onDelivery={onDelivery}
        />
      </div>
    </>
  );
}
