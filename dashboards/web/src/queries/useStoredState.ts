/** Gives the live state what happened before the page was opened, and sets right what sampled messages miss. */

import { type Dispatch, useEffect } from "react";
import type { Action } from "../live/reducer";
import { useAlerts } from "./useAlerts";
import { useRecentDeliveries } from "./useDelivery";
import { useOpenCarts, useStoredLeads } from "./useLeads";

export function useStoredState(dispatch: Dispatch<Action>): void {
  const { data: deliveries } = useRecentDeliveries();
  const { data: carts } = useOpenCarts();
  const { data: leads } = useStoredLeads();

  useEffect(() => {
    if (deliveries) dispatch({ type: "deliveriesLoaded", deliveries: deliveries.deliveries });
  }, [deliveries, dispatch]);
  useEffect(() => {
    if (carts) dispatch({ type: "cartsLoaded", leads: carts.leads, asOfMs: carts.as_of_ms });
  }, [carts, dispatch]);
  useEffect(() => {
    if (leads) dispatch({ type: "leadsLoaded", leads: leads.leads, asOfMs: leads.as_of_ms });
  }, [leads, dispatch]);
}

/** Alerts are told on every page. */
export function useStoredAlerts(dispatch: Dispatch<Action>): void {
  const { data: alerts } = useAlerts();
  useEffect(() => {
    if (alerts) dispatch({ type: "alertsLoaded", alerts: alerts.alerts });
  }, [alerts, dispatch]);
}
