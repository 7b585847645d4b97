/** Why letters are there: by source, stage and code, the most frequent first. Choosing one narrows the list to it. */

import { count, plural } from "../../lib/format";
import type { Cause, FilterField } from "../../lib/letters";
import { stageLabel } from "../../lib/verdicts";
import { EmptyState } from "../EmptyState";
import { Ago } from "../times";

interface Props {
  causes: readonly Cause[];
  isRead: boolean;
  chosen: Partial<Record<FilterField, string>>;
  onChoose: (cause: Pick<Cause, "source" | "stage" | "code">) => void;
}

const SHOWN = 40;
const NOTHING = { source: "", stage: "", code: "" };

export function CauseList({ causes, isRead, chosen, onChoose }: Props) {
  const most = Math.max(1, ...causes.map(({ letters }) => letters));
  return (
    <section className="panel causes" aria-label="Causes" data-testid="causes">
      <header className="panel-head">
        <h2>Why</h2>
        {causes.length > 0 && <span className="panel-note">{plural(causes.length, "cause")}</span>}
      </header>
      {causes.length === 0 && (
        <EmptyState icon={isRead ? "check" : "clock"} title={isRead ? "Nothing" : "Reading…"} />
      )}
      <ul hidden={causes.length === 0}>
        {causes.slice(0, SHOWN).map((cause) => {
          const { key, source, stage, code, letters, lastMs } = cause;
          const isChosen = chosen.source === source && chosen.stage === stage && chosen.code === code;
          return (
            <li key={key}>
              <button
                type="button"
                className="cause"
                aria-pressed={isChosen}
                data-testid="cause"
                data-code={code}
                data-source={source}
                onClick={() => onChoose(isChosen ? NOTHING : cause)}
              >
                <span className="cause-line">
                  <strong className="truncate">{code || "unknown"}</strong>
                  <strong>{count(letters)}</strong>
                </span>
                <span className="cause-line soft small">
                  <span className="truncate">
                    {source} · {stageLabel(stage)}
                  </span>
                  <Ago at={lastMs} />
                </span>
                <span className="cause-bar" aria-hidden="true">
                  <span style={{ width: `${(letters / most) * 100}%` }} />
                </span>
              </button>
            </li>
          );
        })}
      </ul>
      {causes.length > SHOWN && (
        <p className="soft small more">and {plural(causes.length - SHOWN, "more cause")}</p>
      )}
    </section>
  );
}
