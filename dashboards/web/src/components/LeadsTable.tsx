/** The best leads by score, and a search over all of them. */

import { useEffect, useState } from "react";
import type { Lead } from "../client/types";
import { count, money, points } from "../lib/format";
import { whoIs } from "../live/leads";
import { useTopLeads } from "../queries/useLeads";
import { EmptyState } from "./EmptyState";
import { Icon } from "./Icon";
import { ScoreBar } from "./ScoreBar";
import { gradeOf, TierChip } from "./TierChip";
import { Ago, Countdown } from "./times";

const TYPING_MS = 250;

export function LeadsTable({ onLead }: { onLead: (id: string) => void }) {
  const [typed, setTyped] = useState("");
  const [search, setSearch] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setSearch(typed.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const { data, error } = useTopLeads(search);

  return (
    <section className="panel leads-panel" data-testid="leads-table" aria-label="Leads">
      <header className="panel-head">
        <h2>Top leads {data && <span className="panel-note">{count(data.total)} in all</span>}</h2>
        <label className="search">
          <Icon name="search" size={15} />
          <span className="visually-hidden">Search leads</span>
          <input
            type="search"
            placeholder="Name, e-mail or id"
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        </label>
      </header>
      {data && data.leads.length > 0 ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region needs focus to be scrolled by keys
        <section className="table-scroll" tabIndex={0} aria-label="Top leads">
          <table>
            <thead>
              <tr>
                <th scope="col">Lead</th>
                <th scope="col">Score</th>
                <th scope="col">Tier</th>
                <th scope="col">Cart</th>
                <th scope="col" className="number wide-only">
                  Events
                </th>
                <th scope="col" className="number wide-only">
                  Last seen
                </th>
              </tr>
            </thead>
            <tbody>
              {data.leads.map((lead) => (
                <TableRow key={lead.id} lead={lead} onLead={onLead} />
              ))}
            </tbody>
          </table>
        </section>
      ) : (
        <EmptyState
          icon={search ? "search" : "star"}
          title={emptyTitle(search, data === null, Boolean(error))}
        >
          {error ? error.message : search ? "Try a part of the name, e-mail or id." : undefined}
        </EmptyState>
      )}
    </section>
  );
}

function emptyTitle(search: string, loading: boolean, failed: boolean): string {
  if (failed) return "The leads could not be read";
  if (loading) return "Reading leads…";
  return search ? `No lead matches “${search}”` : "No leads yet";
}

function TableRow({ lead, onLead }: { lead: Lead; onLead: (id: string) => void }) {
  const grade = gradeOf(lead);
  const who = whoIs(lead);
  return (
    <tr data-kind="lead" data-profile={lead.id} data-tier={grade} data-score={lead.score}>
      <td className="lead-cell">
        <button type="button" className="who strong row-button" onClick={() => onLead(lead.id)}>
          {who}
        </button>
        {lead.email && lead.email !== who && <span className="soft small truncate">{lead.email}</span>}
      </td>
      <td className="score-cell">
        <strong className="score">{points(lead.score)}</strong>
        <ScoreBar score={lead.score} grade={grade} />
      </td>
      <td>
        <TierChip tier={grade} />
      </td>
      <td className="cart-cell">
        {lead.cart.open ? (
          <span className="cart-line">
            {money(lead.cart.value, lead.cart.currency)} <Countdown due={lead.cart.due_ms} />
          </span>
        ) : (
          <span className="soft">—</span>
        )}
      </td>
      <td className="number wide-only">{count(lead.events)}</td>
      <td className="number wide-only">
        <Ago at={lead.last_seen_ms} />
      </td>
    </tr>
  );
}
