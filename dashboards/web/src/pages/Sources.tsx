/** Where events come from: sources, what they send now, and what could not be used. */

import { memo, useCallback, useEffect, useState } from "react";
import { ConnectionLost } from "../components/ConnectionLost";
import { Unread } from "../components/EmptyState";
import { Icon } from "../components/Icon";
import { Link } from "../components/Link";
import { AddSource } from "../components/sources/AddSource";
import { Debugger } from "../components/sources/Debugger";
import { DoorBanner } from "../components/sources/DoorBanner";
import { Letters } from "../components/sources/Letters";
import { SourceDrawer } from "../components/sources/SourceDrawer";
import { SourceList } from "../components/sources/SourceList";
import { count } from "../lib/format";
import { addressOf, goTo, type Place, type View } from "../lib/route";
import type { Connection } from "../live/socket";
import { useDoor, useSources, useWaitingLetters } from "../queries/useDoor";

interface Props {
  place: Place;
  /** How many live links of the page were lost so far. */
  links: number;
  connection: Connection;
  everConnected: boolean;
}

const TABS: { view: View; label: string }[] = [
  { view: "sources", label: "Sources" },
  { view: "live", label: "Live messages" },
  { view: "letters", label: "Dead letters" },
];

export const Sources = memo(({ place: { view, asked }, links, connection, everConnected }: Props) => {
  const [edition, setEdition] = useState(0);
  const changed = useCallback(() => setEdition((before) => before + 1), []);
  const door = useDoor();
  const sources = useSources(edition);
  const waiting = useWaitingLetters(edition);
  const list = sources.data?.sources ?? null;
  const close = useCallback(() => goTo(addressOf("sources")), []);
  // What happened while the link was lost is read at once.
  useEffect(() => {
    if (links > 0) changed();
  }, [links, changed]);

  return (
    <main className="overview sources" data-view={view}>
      <h2 className="visually-hidden">Sources</h2>
      <ConnectionLost connection={connection} everConnected={everConnected} />
      <DoorBanner report={door.data} samples={door.samples} error={door.error} />
      <div className="sources-bar">
        <nav className="segmented" aria-label="Parts of this page">
          {TABS.map((tab) => (
            <Link
              key={tab.view}
              href={addressOf(tab.view, keptFor(asked))}
              aria-current={tab.view === view ? "page" : undefined}
              data-testid={`tab-${tab.view}`}
            >
              {tab.label}
              {tab.view === "letters" && <Waiting letters={waiting.data?.states.new ?? 0} />}
            </Link>
          ))}
        </nav>
        {view === "sources" && (
          <Link
            href={addressOf("sources", { add: "1" })}
            className="button"
            data-tone="solid"
            data-testid="add"
          >
            <Icon name="plus" size={15} /> Add a source
          </Link>
        )}
      </div>
      {!list ? (
        <Unread icon={sources.error ? "alert" : "clock"} what="The sources" error={sources.error} />
      ) : view === "live" ? (
        <Debugger sources={list} asked={asked} links={links} />
      ) : view === "letters" ? (
        <Letters sources={list} asked={asked} onChanged={changed} edition={edition} />
      ) : (
        <SourceList sources={list} samples={door.samples} waiting={waiting.data} />
      )}
      {view === "sources" && asked.open && (
        <SourceDrawer id={asked.open} sources={list} onChanged={changed} onClose={close} />
      )}
      {view === "sources" && asked.add && sources.data && (
        <AddSource
          kinds={sources.data.kinds}
          onClose={close}
          onAdded={({ id }) => {
            changed();
            goTo(addressOf("sources", { open: id }), { replace: true });
          }}
        />
      )}
    </main>
  );
});

/** The source that is looked at stays when the view changes; its filters are the view's own. */
const keptFor = ({ source, open }: Record<string, string>): Record<string, string | undefined> => ({
  source: source ?? open,
});

function Waiting({ letters }: { letters: number }) {
  return (
    <span className="tab-count" data-empty={letters === 0} data-testid="letters-waiting">
      {count(letters)}
    </span>
  );
}
