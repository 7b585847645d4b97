/** Alerts as they stood when the page was opened; changes come live. */

import type { Alert } from "../client/types";
import { type Query, useQuery } from "./useQuery";

export const useAlerts = (): Query<{ alerts: Alert[] }> =>
  useQuery<{ alerts: Alert[] }>("/api/alerts", { refreshMs: 30_000 });
