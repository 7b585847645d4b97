/** The row of figures: is something coming in, does it sell, what is at stake, who is ready, what went out. */

import type { DeliveryStatus, LeadCounts, RatePoint, Stats } from "../client/types";
import { byAmount, count, money, plural, rate, words } from "../lib/format";
import { statusLabel } from "../lib/labels";
import { useAtServerTime } from "../lib/serverTime";
import type { OpenCart } from "../live/state";
import { RateChart } from "./RateChart";
import { Tile } from "./Tile";
import { Countdown } from "./times";

interface Props {
  stats: Stats | null;
  rates: readonly RatePoint[];
  carts: Record<string, OpenCart>;
}

export function Tiles({ stats, rates, carts }: Props) {
  return (
    <div className="tiles">
      <Tile
        testId="tile-events-per-s"
        label="Events"
        value={stats && rate(stats.events_per_s)}
        raw={stats?.events_per_s}
        unit="per second"
        wide
      >
        <RateChart rates={rates} />
        {stats && (
          <p className="tile-note" data-testid="events-total" data-value={stats.events_total}>
            {count(stats.events_total)} in {recent(stats)}
            {stats.lag_records > 0 && ` · ${plural(stats.lag_records, "frame")} waiting`}
          </p>
        )}
      </Tile>
      <RevenueTile stats={stats} />
      <CartsTile stats={stats} carts={carts} />
      <LeadsTile stats={stats} />
      <DeliveriesTile stats={stats} />
    </div>
  );
}

/** The time that totals are about, said as people do: just short of 24 hours is 24 hours. */
const recent = (stats: Stats): string => `${Math.max(1, Math.round(stats.window_ms / 3_600_000))} h`;

function RevenueTile({ stats }: { stats: Stats | null }) {
  const [first, ...others] = stats ? byAmount(stats.revenue, (amount) => amount) : [];
  return (
    <Tile
      testId="tile-revenue"
      label="Revenue"
      value={stats && (first ? money(first[1], first[0]) : "0")}
      raw={stats ? (first?.[1] ?? 0) : undefined}
    >
      {others.length > 0 && <p>{others.map(([currency, amount]) => money(amount, currency)).join(" · ")}</p>}
      {stats && (
        <p data-testid="orders" data-value={stats.orders}>
          {stats.orders > 0 ? `${plural(stats.orders, "order")} in ${recent(stats)}` : "No orders yet"}
        </p>
      )}
    </Tile>
  );
}

function CartsTile({ stats, carts }: { stats: Stats | null; carts: Record<string, OpenCart> }) {
  const open = stats ? byAmount(stats.open_carts, ({ value }) => value) : [];
  const total = open.reduce((sum, [, cart]) => sum + cart.count, 0);
  const nextId = useAtServerTime((now) => nextDue(carts, now)?.id ?? "");
  const next = carts[nextId];
  return (
    <Tile
      testId="tile-open-carts"
      label="Open carts"
      value={stats && count(total)}
      raw={stats ? total : undefined}
    >
      {total > 0 && <p>{open.map(([currency, { value }]) => money(value, currency)).join(" · ")} at stake</p>}
      {next ? (
        <p className="next-due" data-testid="next-due" data-profile={next.id}>
          <span className="truncate">Next: {next.who}</span> <Countdown due={next.due_ms} />
        </p>
      ) : (
        stats && total === 0 && <p>Nobody is about to leave one</p>
      )}
    </Tile>
  );
}

export function nextDue(carts: Record<string, OpenCart>, nowMs: number): OpenCart | undefined {
  return Object.values(carts)
    .filter((cart) => cart.due_ms > nowMs)
    .reduce<OpenCart | undefined>(
      (best, cart) => (best && best.due_ms <= cart.due_ms ? best : cart),
      undefined,
    );
}

/** The tiers of the workspace's rules, highest first. */
export function tiersOf(leads: LeadCounts): [string, number][] {
  return Object.entries(leads.tiers ?? { warm: leads.warm, hot: leads.hot }).reverse();
}

function LeadsTile({ stats }: { stats: Stats | null }) {
  const leads = stats?.leads;
  const tiers = leads ? tiersOf(leads) : [];
  const [best, ...others] = tiers;
  const share = (n: number): string => `${leads && leads.total > 0 ? (n / leads.total) * 100 : 0}%`;
  return (
    <Tile
      testId="tile-hot-leads"
      label={`${words(best?.[0] ?? "hot")} leads`}
      value={leads ? count(best?.[1] ?? 0) : null}
      raw={leads ? (best?.[1] ?? 0) : undefined}
    >
      {leads && (
        <>
          <span className="tier-share" aria-hidden="true">
            {tiers.map(([tier, n]) => (
              <span key={tier} data-tier={tier} style={{ width: share(n) }} />
            ))}
          </span>
          <p>
            <strong data-testid="mqls" data-value={leads.mql} className="mql-count">
              {plural(leads.mql, "MQL")}
            </strong>
            {others.map(([tier, n]) => ` · ${count(n)} ${words(tier).toLowerCase()}`)}
          </p>
          <p>of {plural(leads.total, "lead")}</p>
        </>
      )}
    </Tile>
  );
}

const REST: DeliveryStatus[] = ["pending", "claimed", "retrying", "failed", "uncertain", "skipped"];

function DeliveriesTile({ stats }: { stats: Stats | null }) {
  const counts = stats?.deliveries;
  const rest = REST.filter((status) => (counts?.[status] ?? 0) > 0);
  return (
    <Tile
      testId="tile-deliveries"
      label="Messages sent"
      value={counts ? count(counts.sent ?? 0) : null}
      raw={counts ? (counts.sent ?? 0) : undefined}
    >
      {counts && rest.length === 0 && <p>Nothing held back, nothing failed</p>}
      {rest.length > 0 && (
        <p className="status-counts">
          {rest.map((status) => (
            <span key={status} className="status-count" data-status={status}>
              {count(counts?.[status] ?? 0)} {statusLabel(status).toLowerCase()}
            </span>
          ))}
        </p>
      )}
    </Tile>
  );
}
