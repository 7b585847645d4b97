/** Says that the figures below stand still, and why, when the live link is gone for more than a moment. */

import { useEffect, useState } from "react";
import type { Connection } from "../live/socket";
import { Icon } from "./Icon";

/** A restart of the server is over sooner than this and deserves no alarm. */
const PATIENCE_MS = 1500;

export function ConnectionLost({
  connection,
  everConnected,
}: {
  connection: Connection;
  everConnected: boolean;
}) {
  const down = connection !== "open";
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (!down) {
      setShown(false);
      return;
    }
    const timer = setTimeout(() => setShown(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [down]);

  if (!shown) return null;
  return (
    <p className="connection-lost" role="status" data-testid="connection-lost">
      <Icon name="retry" size={16} />
      {everConnected
        ? "Connection lost. You see the last known figures; the page catches up by itself once CampaignIQ answers."
        : "Waiting for the live feed. The page fills by itself once CampaignIQ answers."}
    </p>
  );
}
