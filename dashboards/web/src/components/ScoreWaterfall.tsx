/** Why a score is what it is: rule by rule, up to the total, against the marks of the tiers. */

import type { Contribution } from "../client/types";
import { plural, points } from "../lib/format";
import { familyOf, ruleLabel } from "../lib/labels";
import { waterfall } from "../lib/waterfall";
import { MARKS } from "./ScoreBar";
import { Ago } from "./times";

interface Props {
  contributions: readonly Contribution[];
  score: number;
  halfLifeDays: number | null;
}

export function ScoreWaterfall({ contributions, score, halfLifeDays }: Props) {
  const steps = waterfall(contributions);
  const top = Math.max(60, score * 1.05);
  const percent = (value: number): string => `${(value / top) * 100}%`;
  if (steps.length === 0) return <p className="soft">No event has earned points yet.</p>;
  return (
    <div className="waterfall" data-testid="score-waterfall">
      <ol>
        {steps.map((step) => (
          <li key={step.rule} data-rule={step.rule} data-points={step.points}>
            <span className="step-name">
              {ruleLabel(step.rule)} <span className="soft">{plural(step.count, "time")}</span>
            </span>
            <strong className="step-points">+{points(step.points)}</strong>
            <span className="step-track" aria-hidden="true">
              {MARKS.map((mark) => (
                <span key={mark} className="step-mark" style={{ left: percent(mark) }} />
              ))}
              <span
                className="step-bar"
                data-family={familyOf(step.rule)}
                style={{ left: percent(step.from), width: percent(step.points) }}
              />
            </span>
            <span className="step-when soft">
              latest: <Ago at={step.last_at_ms} />
            </span>
          </li>
        ))}
      </ol>
      <p className="waterfall-total">
        <span>Score now</span>
        <strong>{points(score)}</strong>
      </p>
      <p className="soft small">
        Marks at 25 (warm), 40 (hot) and 50 (MQL).
        {halfLifeDays !== null && ` Points fade: half of them are gone after ${points(halfLifeDays)} days.`}
      </p>
    </div>
  );
}
