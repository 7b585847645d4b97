/** The best leads, and the leads with an open cart. */

import { withParams } from "../client/http";
import type { Lead } from "../client/types";
import { type Query, useQuery } from "./useQuery";

export interface LeadPage {
  leads: Lead[];
  total: number;
  as_of_ms: number;
}

export const useTopLeads = (search: string): Query<LeadPage> =>
  useQuery<LeadPage>(withParams("/api/leads", { limit: 20, search }), {
    refreshMs: 5000,
    keepPrevious: true,
  });

export const useOpenCarts = (): Query<LeadPage> =>
  useQuery<LeadPage>(withParams("/api/leads", { limit: 100, cart: "open" }), { refreshMs: 5000 });

/** Leads as they stood when the page was opened; changes come live. */
export const useStoredLeads = (): Query<LeadPage> =>
  useQuery<LeadPage>(withParams("/api/leads", { limit: 40 }));
