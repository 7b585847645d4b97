/** The page of those who may see the workspace: one live link and one top bar, whatever view is open. */

import { useEffect, useRef, useState } from "react";
import { TopBar } from "../components/TopBar";
import { useTitle } from "../components/useTitle";
import { usePlace } from "../lib/route";
import { ClockSkew } from "../lib/serverTime";
import type { Connection } from "../live/socket";
import { useLiveFeed } from "../live/useLiveFeed";
import { useStoredAlerts } from "../queries/useStoredState";
import { Nowhere } from "./Nowhere";
import { Overview } from "./Overview";
import { Sources } from "./Sources";

export function SignedIn() {
  const place = usePlace();
  const feed = useLiveFeed();
  const { state, connection, freshness, dispatch } = feed;
  const links = useLostLinks(connection);
  useStoredAlerts(dispatch);
  useTitle(place.view, state.alerts);
  return (
    <ClockSkew value={freshness.skewMs}>
      <TopBar view={place.view} hello={state.hello} connection={connection} freshness={freshness} />
      {place.view === "overview" ? (
        <Overview feed={feed} />
      ) : place.view === "nowhere" ? (
        <Nowhere />
      ) : (
        <Sources place={place} links={links} connection={connection} everConnected={state.hello !== null} />
      )}
    </ClockSkew>
  );
}

/** How often the link came back after it was lost. */
function useLostLinks(connection: Connection): number {
  const [links, setLinks] = useState(0);
  const wasLost = useRef(false);
  useEffect(() => {
    if (connection === "waiting") wasLost.current = true;
    if (connection !== "open" || !wasLost.current) return;
    wasLost.current = false;
    setLinks((before) => before + 1);
  }, [connection]);
  return links;
}
