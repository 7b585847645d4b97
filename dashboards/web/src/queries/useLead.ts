/** One lead with everything that explains it; null reads nothing. */

import type { Contribution, LeadDetail } from "../client/types";
import { type Query, useQuery } from "./useQuery";

export interface LeadScore {
  score: number;
  half_life_days: number;
  as_of_ms: number;
  contributions: Contribution[];
}

const leadPath = (id: string): string => `/api/leads/${encodeURIComponent(id)}`;

export const useLead = (id: string | null): Query<LeadDetail> =>
  useQuery<LeadDetail>(id === null ? null : leadPath(id), { refreshMs: 3000 });

export const useLeadScore = (id: string | null): Query<LeadScore> =>
  useQuery<LeadScore>(id === null ? null : `${leadPath(id)}/score`, { refreshMs: 3000 });
