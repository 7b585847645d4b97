/** Which verdicts to show, with how many messages of each came. None chosen shows all. */

import { VERDICTS, type Verdict } from "../../client/door";
import { count } from "../../lib/format";
import { VERDICT_WORDS } from "../../lib/verdicts";
import type { NotedState } from "../../live/noted";

interface Props {
  state: NotedState;
  wanted: ReadonlySet<string>;
  onChange: (verdict: string) => void;
}

export function VerdictFilter({ state, wanted, onChange }: Props) {
  const toggled = (verdict: Verdict): string => {
    const next = VERDICTS.filter((one) => wanted.has(one) !== (one === verdict));
    return next.length === VERDICTS.length ? "" : next.join(",");
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would lay it out differently and means no more
    <div className="verdict-filter" role="group" aria-label="Verdicts to show; none chosen shows all">
      {VERDICTS.map((verdict) => (
        <button
          key={verdict}
          type="button"
          aria-pressed={wanted.has(verdict)}
          title={VERDICT_WORDS[verdict].help}
          data-verdict={verdict}
          data-testid={`verdict-${verdict}`}
          onClick={() => onChange(toggled(verdict))}
        >
          <span className="verdict-dot" aria-hidden="true" />
          {VERDICT_WORDS[verdict].label} <strong>{count(state.counts[verdict])}</strong>
        </button>
      ))}
    </div>
  );
}
