/** Leads whose score or cart changes, latest on top; a step into another tier is made plain. */

import { memo } from "react";
import { money, plural, points } from "../lib/format";
import { useAtServerTime } from "../lib/serverTime";
import type { LeadRow } from "../live/state";
import { EmptyState } from "./EmptyState";
import { Feed, PausedNote } from "./Feed";
import { Icon } from "./Icon";
import { ScoreBar } from "./ScoreBar";
import { gradeOf, TierChip, TierStep } from "./TierChip";
import { Ago, Countdown } from "./times";
import { useSteadyList } from "./useSteadyList";

const CROSSING_SHOWN_MS = 30_000;

interface Props {
  leads: readonly LeadRow[];
  active: boolean;
  onLead: (id: string) => void;
}

export function LeadsFeed({ leads, active, onLead }: Props) {
  const { shown, waiting, hold } = useSteadyList(leads);
  return (
    <Feed
      testId="feed-leads"
      title="Carts & scores"
      active={active}
      hold={hold}
      note={<PausedNote waiting={waiting} />}
    >
      {shown.length === 0 ? (
        <EmptyState icon="star" title="Nobody has a score yet">
          A lead shows up when an event earns points or fills a cart.
        </EmptyState>
      ) : (
        <ul className="rows">
          {shown.map((lead) => (
            <LeadFeedRow key={lead.id} lead={lead} onLead={onLead} />
          ))}
        </ul>
      )}
    </Feed>
  );
}

const LeadFeedRow = memo(({ lead, onLead }: { lead: LeadRow; onLead: (id: string) => void }) => {
  const { crossing, cart } = lead;
  const grade = gradeOf(lead);
  const crossed = useAtServerTime((now) => crossing !== null && now - crossing.at_ms < CROSSING_SHOWN_MS);
  return (
    <li
      className="row lead-row"
      data-kind="lead"
      data-profile={lead.id}
      data-tier={grade}
      data-crossed={crossed ? crossing?.to : undefined}
      data-cart={cart.open ? "open" : "none"}
      data-score={lead.score}
    >
      <div className="row-line">
        <button type="button" className="who truncate strong" onClick={() => onLead(lead.id)}>
          {lead.who}
        </button>
        <Ago at={lead.at_ms} />
        <span className="push">
          {crossed && crossing ? (
            <TierStep from={crossing.from} to={crossing.to} />
          ) : (
            <TierChip tier={grade} />
          )}
        </span>
      </div>
      <div className="row-line score-line">
        <ScoreBar score={lead.score} grade={grade} />
        <strong className="score">{points(lead.score)}</strong>
      </div>
      {cart.open && <CartLine cart={cart} />}
    </li>
  );
});

function CartLine({ cart }: { cart: LeadRow["cart"] }) {
  return (
    <span className="cart-line small">
      <Icon name="cart" size={14} />
      <span>
        {money(cart.value, cart.currency)}
        {cart.items > 0 && ` · ${plural(cart.items, "item")}`}
      </span>
      <span className="soft">recovery in</span>
      <Countdown due={cart.due_ms} />
    </span>
  );
}
