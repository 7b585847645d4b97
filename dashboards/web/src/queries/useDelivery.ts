/** The latest deliveries, and one delivery with its message. */

import type { Delivery, DeliveryDetail } from "../client/types";
import { type Query, useQuery } from "./useQuery";

export const useRecentDeliveries = (): Query<{ deliveries: Delivery[] }> =>
  useQuery<{ deliveries: Delivery[] }>("/api/deliveries?limit=20");

export const useDelivery = (id: string | null): Query<DeliveryDetail> =>
  useQuery<DeliveryDetail>(id === null ? null : `/api/deliveries/${encodeURIComponent(id)}`, {
    refreshMs: 3000,
  });
