/** A score against the marks at which a lead turns warm, hot and MQL. */

import { points } from "../lib/format";
import type { Grade } from "./TierChip";

/** The default marks of the scoring rules; they only place the ticks, the server decides the tier. */
export const MARKS = [25, 40, 50];
const TOP = 75;

const part = (score: number): number => Math.min(1, Math.max(0, score / TOP));

export function ScoreBar({ score, grade }: { score: number; grade: Grade }) {
  return (
    <span className="score-bar" data-tier={grade} title={`Score ${points(score)}`}>
      <span className="score-fill" style={{ transform: `scaleX(${part(score)})` }} />
      {MARKS.map((mark) => (
        <span key={mark} className="score-mark" style={{ left: `${part(mark) * 100}%` }} />
      ))}
    </span>
  );
}
