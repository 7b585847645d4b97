/** The live page: what comes in, what it means, what goes out. */

import { useCallback, useState } from "react";
import { AlertStrip } from "../components/AlertStrip";
import { ConnectionLost } from "../components/ConnectionLost";
import { DeliverySheet } from "../components/DeliverySheet";
import { EventsChart } from "../components/EventsChart";
import { Feeds } from "../components/Feeds";
import { LeadDrawer } from "../components/LeadDrawer";
import { LeadsTable } from "../components/LeadsTable";
import { Tiles } from "../components/Tiles";
import type { LiveFeed } from "../live/useLiveFeed";
import { useStoredState } from "../queries/useStoredState";

type Opened = { kind: "lead" | "delivery"; id: string } | null;

export function Overview({ feed: { state, connection, dispatch } }: { feed: LiveFeed }) {
  const [opened, setOpened] = useState<Opened>(null);
  const openLead = useCallback((id: string) => setOpened({ kind: "lead", id }), []);
  const openDelivery = useCallback((id: string) => setOpened({ kind: "delivery", id }), []);
  const close = useCallback(() => setOpened(null), []);
  useStoredState(dispatch);

  return (
    <>
      <main className="overview" data-connection={connection}>
        <ConnectionLost connection={connection} everConnected={state.hello !== null} />
        <AlertStrip alerts={state.alerts} />
        <Tiles stats={state.stats} rates={state.rates} carts={state.carts} />
        <Feeds state={state} onLead={openLead} onDelivery={openDelivery} />
        <div className="lower">
          <EventsChart />
          <LeadsTable onLead={openLead} />
        </div>
      </main>
      {opened?.kind === "lead" && <LeadDrawer id={opened.id} onClose={close} />}
      {opened?.kind === "delivery" && <DeliverySheet id={opened.id} onClose={close} />}
    </>
  );
}
