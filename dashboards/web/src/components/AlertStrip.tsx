/** What is wrong right now. */

import type { Alert } from "../client/types";
import { plural } from "../lib/format";
import { ruleLabel } from "../lib/labels";
import { useAtServerTime } from "../lib/serverTime";
import { fullTime } from "../lib/time";
import { Icon } from "./Icon";
import { Ago, Lasting } from "./times";

const RESOLVED_SHOWN_MS = 10 * 60_000;
/** More would push the figures off the screen; the rest folds. */
const MAX_OPEN = 3;
const URGENCY: Record<Alert["state"], number> = { firing: 0, pending: 1, resolved: 2 };

export function AlertStrip({ alerts }: { alerts: readonly Alert[] }) {
  const firing = alerts.filter((alert) => alert.state === "firing").length;
  const forgetBefore = useAtServerTime((now) => Math.floor((now - RESOLVED_SHOWN_MS) / 10_000) * 10_000);
  const shown = alerts
    .filter((alert) => alert.state !== "resolved" || alert.at_ms > forgetBefore)
    .sort((a, b) => URGENCY[a.state] - URGENCY[b.state]);
  const folded = shown.slice(MAX_OPEN);

  return (
    <section className="alerts" aria-label="Alerts" data-testid="alerts" data-firing={firing}>
      {shown.length === 0 && (
        <p className="all-quiet">
          <Icon name="check" size={15} /> All quiet. Every source, rate and rule is as expected.
        </p>
      )}
      {shown.slice(0, MAX_OPEN).map((alert) => (
        <AlertCard key={alert.id} alert={alert} />
      ))}
      {folded.length > 0 && (
        <details className="alerts-folded" data-testid="alerts-folded">
          <summary>{plural(folded.length, "more alert")}</summary>
          {folded.map((alert) => (
            <AlertCard key={alert.id} alert={alert} />
          ))}
        </details>
      )}
    </section>
  );
}

function AlertCard({ alert }: { alert: Alert }) {
  const { rule, state, subject, summary, since_ms, at_ms } = alert;
  return (
    <article
      className="alert"
      role={state === "firing" ? "alert" : undefined}
      data-testid={`alert-${rule}`}
      data-state={state}
      data-rule={rule}
      data-subject={subject}
    >
      <Icon name={state === "resolved" ? "check" : "alert"} size={state === "firing" ? 20 : 16} />
      <strong className="alert-state">{state}</strong>
      <span className="alert-text">
        <strong>{ruleLabel(rule)}</strong> {summary || subject}
      </span>
      <span className="alert-since" title={`Since ${fullTime(since_ms)}`}>
        {state === "resolved" ? <Ago at={at_ms} /> : <Lasting since={since_ms} />}
      </span>
    </article>
  );
}
