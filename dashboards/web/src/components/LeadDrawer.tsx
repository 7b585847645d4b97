/** One lead from the side: why the score, what is in the cart, what happened, who it is. */

import type { LeadDetail, ProfileWindow, Score } from "../client/types";
import { count, money, plural, points, words } from "../lib/format";
import { familyOf } from "../lib/labels";
import { fullTime } from "../lib/time";
import { whoIs } from "../live/leads";
import { useLead, useLeadScore } from "../queries/useLead";
import { Unread } from "./EmptyState";
import { Modal } from "./Modal";
import { ScoreWaterfall } from "./ScoreWaterfall";
import { Section } from "./Section";
import { gradeOf, TierChip } from "./TierChip";
import { Ago, Countdown } from "./times";

export function LeadDrawer({ id, onClose }: { id: string; onClose: () => void }) {
  const { data: lead, error } = useLead(id);
  const { data: score } = useLeadScore(id);
  return (
    <Modal label="Lead" shape="drawer" testId="lead-drawer" onClose={onClose}>
      {lead ? (
        <>
          <LeadHead lead={lead} />
          <Section title="Why this score">
            <ScoreWaterfall
              contributions={score?.contributions ?? lead.contributions}
              score={score?.score ?? lead.score}
              halfLifeDays={score?.half_life_days ?? null}
            />
          </Section>
          <OtherScores scores={lead.scores.slice(1)} />
          {lead.cart.items.length > 0 && <CartSection cart={lead.cart} />}
          <Unfinished windows={lead.windows.filter((window) => window.open && window.kind !== "cart")} />
          <Interactions lead={lead} />
          <Facts title="Traits" facts={lead.traits} />
          <Facts title="Known as" facts={lead.keys} />
          <Ids lead={lead} />
        </>
      ) : (
        <Unread icon="star" what="This lead" error={error} />
      )}
    </Modal>
  );
}

function LeadHead({ lead }: { lead: LeadDetail }) {
  const who = whoIs(lead);
  return (
    <header className="drawer-head" data-profile={lead.id}>
      <h2>{who}</h2>
      {lead.email && lead.email !== who && <p className="soft">{lead.email}</p>}
      <p className="drawer-score">
        <strong>{points(lead.score)}</strong> <TierChip tier={gradeOf(lead)} />
        <span className="soft">
          {plural(lead.events, "event")}
          {lead.sessions > 0 && ` in ${plural(lead.sessions, "visit")}`} since {fullTime(lead.first_seen_ms)}
        </span>
      </p>
      {lead.groups.length > 0 && (
        <p className="soft">{lead.groups.map(({ id, name }) => name || bareId(id)).join(" · ")}</p>
      )}
    </header>
  );
}

const bareId = (id: string): string => id.slice(id.indexOf(":") + 1);

function OtherScores({ scores }: { scores: readonly Score[] }) {
  if (scores.length === 0) return null;
  return (
    <Section title="Other scores">
      <dl className="facts">
        {scores.map((score) => (
          <div key={score.id} data-score-id={score.id}>
            <dt>{score.name || words(score.id)}</dt>
            <dd>
              {points(score.score)} <TierChip tier={gradeOf(score)} />
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}

function Unfinished({ windows }: { windows: readonly ProfileWindow[] }) {
  if (windows.length === 0) return null;
  return (
    <Section title="Begun and not finished">
      <dl className="facts">
        {windows.map((window) => (
          <div key={`${window.rule} ${window.subject}`} data-rule={window.rule}>
            <dt>
              {words(window.kind)} {window.subject && <span className="soft">{window.subject}</span>}
            </dt>
            <dd>
              next step in <Countdown due={window.due_ms} />
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}

/** The ids that were merged into the profile; what the keys tell is left out. */
function Ids({ lead }: { lead: LeadDetail }) {
  const told = new Set(Object.values(lead.keys));
  const others = lead.ids.filter((id) => !told.has(bareId(id)));
  if (others.length === 0 && !lead.is_shared) return null;
  return (
    <Section title="Other ids" aside={lead.is_shared ? "its own id is used by many people" : undefined}>
      {others.map((id) => (
        <p key={id} className="soft truncate">
          {id}
        </p>
      ))}
    </Section>
  );
}

function CartSection({ cart }: { cart: LeadDetail["cart"] }) {
  return (
    <Section
      title="Cart"
      aside={
        cart.open ? (
          <>
            open · recovery in <Countdown due={cart.due_ms} />
          </>
        ) : (
          "no longer open"
        )
      }
    >
      <ul className="cart-items">
        {cart.items.map((item) => (
          <li key={item.product_id}>
            {item.image_url && <img src={item.image_url} alt="" width={40} height={40} loading="lazy" />}
            <span className="truncate">{item.name || item.product_id}</span>
            <span className="soft">× {count(item.quantity)}</span>
            <span className="amount">{money(item.price * item.quantity, cart.currency)}</span>
          </li>
        ))}
      </ul>
      <p className="cart-total">
        <span>Total</span> <strong>{money(cart.value, cart.currency)}</strong>
      </p>
    </Section>
  );
}

function Interactions({ lead }: { lead: LeadDetail }) {
  return (
    <Section title="Recent interactions">
      {lead.interactions.length === 0 && <p className="soft">None.</p>}
      <ol className="interactions">
        {lead.interactions.map((interaction, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: interactions have no id, and two may be equal
          <li key={`${interaction.at_ms}-${interaction.type}-${i}`}>
            <span className="family" data-family={familyOf(interaction.type)} aria-hidden="true" />
            <strong>{words(interaction.type)}</strong>
            <span className="soft truncate">{interaction.detail}</span>
            <Ago at={interaction.at_ms} />
          </li>
        ))}
      </ol>
    </Section>
  );
}

function Facts({ title, facts }: { title: string; facts: Record<string, unknown> }) {
  const entries = Object.entries(facts).filter(([, value]) => value !== null && value !== "");
  if (entries.length === 0) return null;
  return (
    <Section title={title}>
      <dl className="facts">
        {entries.map(([name, value]) => (
          <div key={name}>
            <dt>{words(name)}</dt>
            <dd>{typeof value === "string" ? value : JSON.stringify(value)}</dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}
