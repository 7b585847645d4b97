/** Each trigger and what it sent, with where that stands. A delivery opens its message. */

import { memo } from "react";
import type { Delivery, Trigger } from "../client/types";
import { channelLabel, deliveryNote, isDescent, ruleLabel, triggerSummary } from "../lib/labels";
import { delay } from "../lib/time";
import type { Outgoing } from "../live/state";
import { EmptyState } from "./EmptyState";
import { Feed } from "./Feed";
import { Icon, type IconName } from "./Icon";
import { StatusPill } from "./StatusPill";
import { Ago } from "./times";

function iconOf(rule: string, trigger: Trigger | null): IconName {
  if (rule.startsWith("cart")) return "cart";
  if (rule.includes("mql")) return "star";
  if (rule.includes("alert")) return "alert";
  if (rule !== "lead_tier") return "send";
  return trigger && isDescent(trigger) ? "down" : "up";
}

interface Handlers {
  onLead: (id: string) => void;
  onDelivery: (id: string) => void;
}

export function OutgoingFeed({
  items,
  active,
  ...handlers
}: { items: readonly Outgoing[]; active: boolean } & Handlers) {
  return (
    <Feed testId="feed-outgoing" title="Triggers & deliveries" active={active}>
      {items.length === 0 ? (
        <EmptyState icon="send" title="Nothing has fired yet">
          When a cart is left behind or a lead turns hot, the trigger and its message appear here.
        </EmptyState>
      ) : (
        <ul className="rows">
          {items.map((item) => (
            <OutgoingRow key={item.id} item={item} {...handlers} />
          ))}
        </ul>
      )}
    </Feed>
  );
}

const OutgoingRow = memo(({ item, onLead, onDelivery }: { item: Outgoing } & Handlers) => {
  const { trigger, deliveries, at_ms } = item;
  const latest = deliveries.at(-1);
  const rule = trigger?.rule ?? latest?.campaign ?? "";
  const profile = trigger?.profile ?? latest?.profile ?? "";
  return (
    <li
      className="row outgoing-row"
      data-kind="trigger"
      data-rule={rule}
      data-profile={profile}
      data-status={latest?.status ?? "none"}
    >
      <span className="rule-icon" data-rule={rule} aria-hidden="true">
        <Icon name={iconOf(rule, trigger)} size={15} />
      </span>
      <div className="row-line">
        <strong>{ruleLabel(rule)}</strong>
        <span className="push">
          <Ago at={at_ms} />
        </span>
      </div>
      {trigger && <TriggerLine trigger={trigger} onLead={onLead} />}
      {deliveries.map((delivery) => (
        <DeliveryButton key={delivery.id} delivery={delivery} onDelivery={onDelivery} />
      ))}
    </li>
  );
});

function TriggerLine({ trigger, onLead }: { trigger: Trigger; onLead: (id: string) => void }) {
  return (
    <div className="row-line small">
      <button type="button" className="who truncate" onClick={() => onLead(trigger.profile)}>
        {trigger.who}
      </button>
      <span className="soft truncate">{triggerSummary(trigger)}</span>
    </div>
  );
}

function DeliveryButton({ delivery, onDelivery }: { delivery: Delivery; onDelivery: (id: string) => void }) {
  const { id, status, channel, recipient, subject, due_ms, finished_ms, profile } = delivery;
  const note = deliveryNote(delivery);
  return (
    <button
      type="button"
      className="delivery"
      data-kind="delivery"
      data-testid={`delivery-${id}`}
      data-status={status}
      data-profile={profile}
      onClick={() => onDelivery(id)}
    >
      <span className="row-line">
        <StatusPill status={status} />
        <span className="truncate delivery-to">
          {recipient ? `${channelLabel(channel)} to ${recipient}` : channelLabel(channel)}
        </span>
        {status === "sent" && finished_ms !== null && (
          <span className="push soft latency" title="From the moment it was due until it was handed over">
            {delay(finished_ms - due_ms)}
          </span>
        )}
      </span>
      {(subject || note) && (
        <span className="row-line small">
          <span className="truncate soft">{note && status !== "sent" ? note : subject}</span>
        </span>
      )}
    </button>
  );
}
