/** The title of the browser's tab. A firing alert stands in it, for those who look elsewhere. */

import { useEffect } from "react";
import type { Alert } from "../client/types";
import { plural } from "../lib/format";
import type { Place } from "../lib/route";

const TITLES: Record<Place["view"], string> = {
  overview: "",
  sources: "Sources",
  live: "Live messages",
  letters: "Dead letters",
  nowhere: "No such page",
};

export function titleOf(view: Place["view"], firing: number): string {
  const alarm = firing > 0 ? `● ${plural(firing, "alert")} firing` : "";
  return [alarm, TITLES[view], "CampaignIQ"].filter(Boolean).join(" · ");
}

export function useTitle(view: Place["view"], alerts: readonly Alert[]): void {
  const firing = alerts.filter(({ state }) => state === "firing").length;
  useEffect(() => {
    document.title = titleOf(view, firing);
  }, [view, firing]);
}
