/** Dead letters that match, newest first, a page at a time. Stands still under the mouse. */

import type { Letter, LetterPage } from "../../client/door";
import type { ApiError } from "../../client/http";
import { bytes, count, plural } from "../../lib/format";
import { STATE_WORDS } from "../../lib/verdicts";
import { EmptyState } from "../EmptyState";
import { Ago } from "../times";
import { useSteadyList } from "../useSteadyList";

interface Props {
  page: LetterPage | null;
  error: ApiError | null;
  /** How many pages are before this one. */
  depth: number;
  /** What it means that there is none. */
  nothing: string;
  onOpen: (id: string) => void;
  onNewer: () => void;
  onOlder: (after: string) => void;
}

export function LetterList({ page, error, depth, nothing, onOpen, onNewer, onOlder }: Props) {
  const { shown, waiting, hold } = useSteadyList(page?.letters ?? []);
  const next = page?.next_after ?? null;
  return (
    <section className="panel letters-panel" aria-label="Dead letters" data-testid="letters">
      <header className="panel-head">
        <h2>Letters {page && <span className="panel-note">{count(page.total)} in all</span>}</h2>
        <span className="panel-note">{waiting > 0 && <span className="paused">{waiting} new</span>}</span>
      </header>
      {shown.length > 0 ? (
        <ul className="letter-list" {...hold}>
          {shown.map((letter) => (
            <LetterRow key={letter.id} letter={letter} onOpen={onOpen} />
          ))}
        </ul>
      ) : (
        <EmptyState icon={error ? "alert" : page ? "check" : "clock"} title={emptyTitle(page, error)}>
          {error ? error.message : page && nothing}
        </EmptyState>
      )}
      {(depth > 0 || next !== null) && (
        <nav className="pager" aria-label="Pages of letters">
          <button
            type="button"
            className="button"
            disabled={depth === 0}
            onClick={onNewer}
            data-testid="newer"
          >
            Newer
          </button>
          <span className="soft small">Page {depth + 1}</span>
          <button
            type="button"
            className="button"
            disabled={next === null}
            onClick={() => next !== null && onOlder(next)}
            data-testid="older"
          >
            Older
          </button>
        </nav>
      )}
    </section>
  );
}

function emptyTitle(page: LetterPage | null, error: ApiError | null): string {
  if (error) return "The letters could not be read";
  return page ? "No dead letters" : "Reading…";
}

function LetterRow({ letter, onOpen }: { letter: Letter; onOpen: (id: string) => void }) {
  const { id, source, via, code, reason, at_ms, size_bytes, state, attempts } = letter;
  return (
    <li className="letter" data-testid="letter" data-letter={id} data-state={state} data-code={code}>
      <div className="letter-line">
        <button type="button" className="who row-button" onClick={() => onOpen(id)}>
          {reason || code}
        </button>
        {state !== "new" && (
          <span className="status" data-letter-state={state} title={STATE_WORDS[state].help}>
            {STATE_WORDS[state].label}
          </span>
        )}
      </div>
      <div className="letter-line soft small">
        <span className="truncate">
          <code>{code}</code> · {source}
          {via && ` · ${via}`} · {bytes(size_bytes)}
          {attempts > 0 && ` · ${plural(attempts, "failed attempt")}`}
        </span>
        <Ago at={at_ms} />
      </div>
    </li>
  );
}
