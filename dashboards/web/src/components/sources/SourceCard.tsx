/** One source in the list. The whole card opens it; its key and its links lie above that. */

import { useContext } from "react";
import type { Source, Tally } from "../../client/door";
import { healthOf, isVendor, kindLabel, type Lately, outcomes, paceOf } from "../../lib/door";
import { count, plural, rate } from "../../lib/format";
import { policyNotes } from "../../lib/policyForm";
import { addressOf, goTo } from "../../lib/route";
import { ClockSkew } from "../../lib/serverTime";
import type { EventMetrics } from "../../queries/useEventMetrics";
import { CopyButton } from "../CopyButton";
import { Link } from "../Link";
import { Ago } from "../times";
import { Activity, lastMinute } from "./Activity";
import { HealthPill } from "./HealthPill";
import { WriteKey } from "./WriteKey";

interface CardProps {
  source: Source;
  tally: Tally | undefined;
  recent: Lately | null;
  activity: EventMetrics | null;
  letters: number;
}

export function SourceCard({ source, tally, recent, activity, letters }: CardProps) {
  const { id, name, kind, policy, is_enabled } = source;
  const nowMs = Date.now() + useContext(ClockSkew);
  const points = activity?.series.find(({ group }) => group === id)?.points ?? [];
  const counted = activity ? lastMinute(points, nowMs) : null;
  const health = healthOf(source, tally, recent, counted);
  const pace = paceOf(recent, counted);
  return (
    <li className="panel source-card" data-source={id} data-enabled={is_enabled} data-health={health.health}>
      <header className="source-head">
        <h3>
          <button
            type="button"
            className="who row-button"
            aria-label={`${name || id}: connect, keys and policy`}
            onClick={() => goTo(addressOf("sources", { open: id }))}
          >
            {name || id}
          </button>
        </h3>
        <span className="soft small truncate">
          {kindLabel(kind)} · <code>{id}</code>
        </span>
        <HealthPill words={health} />
      </header>
      <div className="source-rate">
        <p>
          <strong className="figure-small" data-testid="per-minute">
            {pace === null ? "–" : rate(pace)}
          </strong>{" "}
          <span className="soft small">events a minute</span>
        </p>
        <Activity points={points} nowMs={nowMs} />
      </div>
      <Outcomes tally={tally} />
      <Keys source={source} />
      <ul className="policy-notes" aria-label="Policy">
        {policyNotes(policy, kind).map(({ label, is_own }) => (
          <li key={label} className="note" data-own={is_own}>
            {label}
          </li>
        ))}
      </ul>
      <Foot source={source} letters={letters} />
    </li>
  );
}

function Keys({ source }: { source: Source }) {
  const { kind, write_keys } = source;
  return (
    <div className="source-keys">
      {isVendor(kind) ? (
        <span className="write-key">
          <code className="truncate">{source.webhook_path}</code>
          <CopyButton text={window.location.origin + source.webhook_path} label="Copy the webhook address" />
        </span>
      ) : (
        write_keys[0] && <WriteKey writeKey={write_keys[0]} />
      )}
      {!isVendor(kind) && write_keys.length > 1 && (
        <span
          className="note"
          data-tone="warm"
          title="The key before the newest still works. Retire it once nothing uses it."
        >
          older key still works
        </span>
      )}
      {source.rotated_ms !== null && (
        <span className="soft small">
          rotated <Ago at={source.rotated_ms} />
        </span>
      )}
      {source.webhook_secrets > 1 && (
        <span className="note" data-tone="warm">
          older secret still works
        </span>
      )}
    </div>
  );
}

function Foot({ source: { id, name }, letters }: { source: Source; letters: number }) {
  const told = letters > 0 ? plural(letters, "dead letter") : "No dead letters";
  return (
    <footer className="source-foot">
      <Link
        href={addressOf("live", { source: id })}
        className="button"
        aria-label={`Live messages of ${name || id}`}
      >
        Live
      </Link>
      <Link
        href={addressOf("letters", { source: id })}
        className="button"
        data-tone={letters > 0 ? "warm" : "quiet"}
        aria-label={`${told} of ${name || id}`}
      >
        {told}
      </Link>
    </footer>
  );
}

function Outcomes({ tally }: { tally: Tally | undefined }) {
  const told = tally ? outcomes(tally) : [];
  const all = told.reduce((sum, { events }) => sum + events, 0);
  return (
    <div className="outcomes" title="Since this process started">
      <div className="outcome-bar" aria-hidden="true">
        {told.map(({ name, events, tone }) => (
          <span
            key={name}
            data-tone={tone}
            style={{ flexGrow: all > 0 ? Math.max(events, all / 60) : 0 }}
            hidden={events === 0}
          />
        ))}
      </div>
      <p className="small">
        {told.map(({ name, label, events, tone }) => (
          <span key={name} data-outcome={name} data-tone={events > 0 ? tone : "cold"}>
            <strong>{count(events)}</strong> {label}
          </span>
        ))}
        {told.length === 0 && <span className="soft">nothing since the start</span>}
      </p>
    </div>
  );
}
