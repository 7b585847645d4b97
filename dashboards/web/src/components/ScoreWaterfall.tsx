/** Why a score is what it is: rule by rule, up to the total, against the marks of the tiers. */

import type { Contribution } from "../client/types";
import { plural, points } from "../lib/format";
import { familyOf, ruleLabel } from "../lib/labels";
import { type Step, waterfall } from "../lib/waterfall";
import { MARKS } from "./ScoreBar";
import { Ago } from "./times";

interface Props {
  contributions: readonly Contribution[];
  score: number;
  halfLifeDays: number | null;
}

const signed = (n: number): string => (n < 0 ? `−${points(-n)}` : `+${points(n)}`);
/** The part of a step that is above nothing. */
const from = (step: Step): number => Math.max(0, Math.min(step.from, step.to));
const till = (step: Step): number => Math.max(0, step.from, step.to);

export function ScoreWaterfall({ contributions, score, halfLifeDays }: Props) {
  const steps = waterfall(contributions);
  // Points taken off come last, so the steps may stand higher than where they end.
  const top = Math.max(60, score * 1.05, ...steps.map((step) => step.to));
  const percent = (value: number): string => `${(value / top) * 100}%`;
  if (steps.length === 0) return <p className="soft">No event has earned points yet.</p>;
  return (
    <div className="waterfall" data-testid="score-waterfall">
      <ol>
        {steps.map((step) => (
          <li key={step.rule} data-rule={step.rule} data-points={step.points}>
            <span className="step-name">
              {ruleLabel(step.rule)}{" "}
              <span className="soft">{step.is_fit ? "fit" : plural(step.count, "time")}</span>
            </span>
            <strong className="step-points">{signed(step.points)}</strong>
            <span className="step-track" aria-hidden="true">
              {MARKS.map((mark) => (
                <span key={mark} className="step-mark" style={{ left: percent(mark) }} />
              ))}
              <span
                className="step-bar"
                data-family={familyOf(step.rule)}
                style={{ left: percent(from(step)), width: percent(Math.max(0, till(step) - from(step))) }}
              />
            </span>
            <span className="step-when soft">
              {step.is_fit ? (
                "does not fade"
              ) : (
                <>
                  latest: <Ago at={step.last_at_ms} />
                </>
              )}
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
