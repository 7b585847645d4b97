/** The three live columns; on a narrow screen one of them at a time. */

import { useState } from "react";
import type { LiveState } from "../live/state";
import { EventsFeed } from "./EventsFeed";
import { LeadsFeed } from "./LeadsFeed";
import { OutgoingFeed } from "./OutgoingFeed";
import { Segmented } from "./Segmented";

const TABS = [
  { value: "events", label: "Events" },
  { value: "leads", label: "Carts & scores" },
  { value: "outgoing", label: "Messages" },
] as const;

interface Props {
  state: LiveState;
  onLead: (id: string) => void;
  onDelivery: (id: string) => void;
}

export function Feeds({ state, onLead, onDelivery }: Props) {
  const [tab, setTab] = useState<(typeof TABS)[number]["value"]>("events");
  return (
    <>
      <Segmented label="Feed to show" shape="feed-tabs" choices={TABS} value={tab} onChange={setTab} />
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
