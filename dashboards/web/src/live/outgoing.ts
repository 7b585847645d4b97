/** Triggers and the deliveries they caused, joined by trigger id. Pure. */

import type { Delivery, Trigger } from "../client/types";
import { insertByTime, LIMITS, type Outgoing } from "./state";

/** Replaces an item where it stands, so that a change of status does not move the row under the pointer. */
function upsert(list: readonly Outgoing[], item: Outgoing): Outgoing[] {
  const at = list.findIndex((other) => other.id === item.id);
  return at < 0 ? insertByTime(list, item, LIMITS.outgoing) : list.with(at, item);
}

export function withTrigger(list: readonly Outgoing[], trigger: Trigger): Outgoing[] {
  const known = list.find((item) => item.id === trigger.id);
  return upsert(list, {
    id: trigger.id,
    at_ms: known?.at_ms ?? trigger.fired_ms,
    trigger,
    deliveries: known?.deliveries ?? [],
  });
}

const outgoingId = (delivery: Delivery): string => delivery.trigger_id || delivery.id;

export function withDelivery(list: readonly Outgoing[], delivery: Delivery): Outgoing[] {
  const id = outgoingId(delivery);
  const item = list.find((other) => other.id === id) ?? {
    id,
    at_ms: delivery.created_ms,
    trigger: null,
    deliveries: [],
  };
  const at = item.deliveries.findIndex((other) => other.id === delivery.id);
  const deliveries = at < 0 ? [...item.deliveries, delivery] : item.deliveries.with(at, delivery);
  return upsert(list, { ...item, deliveries });
}

/** Adds a delivery that the API told; what came live is newer and stays. */
export function withOlderDelivery(list: readonly Outgoing[], delivery: Delivery): Outgoing[] {
  const known = list.some((item) => item.deliveries.some((other) => other.id === delivery.id));
  return known ? [...list] : withDelivery(list, delivery);
}
