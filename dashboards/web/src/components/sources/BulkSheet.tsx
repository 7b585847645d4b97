/** Mends all new letters of a filter: the same changes for each, tried first, then taken in, oldest first. Or drops them. */

import { useState } from "react";
import type { LetterVerdict } from "../../client/door";
import type { BulkResult } from "../../lib/bulk";
import { type FixRow, fixesJson } from "../../lib/fixes";
import { count, plural } from "../../lib/format";
import { ATTEMPT_WORDS } from "../../lib/verdicts";
import { Confirm } from "../Confirm";
import { ErrorNote } from "../ErrorNote";
import { Modal } from "../Modal";
import { Section } from "../Section";
import { FixRows } from "./FixRows";
import { useBulk } from "./useBulk";

interface Props {
  filter: Record<string, string>;
  words: string;
  matched: number;
  onChanged: () => void;
  onClose: () => void;
}

export function BulkSheet({ filter, words, matched, onChanged, onClose }: Props) {
  const [rows, setRows] = useState<FixRow[]>([]);
  const fixes = fixesJson(rows);
  const { result, dropped, busy, error, replay, drop, stop } = useBulk(filter, fixes, onChanged);
  const isTried = result?.dry === true && result.isOver && result.of === fixes;
  const usable = (isTried && result?.counts.would_replay) || 0;
  return (
    <Modal label="Mend many letters" shape="sheet" testId="bulk-sheet" onClose={onClose}>
      <header className="sheet-head">
        <h2>Mend {plural(matched, "new letter")}</h2>
        <p className="soft">
          {words ? `All that are new ${words}.` : "All that are new, of every source and cause."}
        </p>
      </header>
      <Section title="The same changes for each" aside="none: try them again as they are">
        <FixRows rows={rows} error={error} onChange={setRows} />
      </Section>
      {result && <Progress result={result} busy={busy} onStop={stop} />}
      {dropped !== null && (
        <p className="attempt" role="status" data-testid="bulk-dropped">
          {plural(dropped, "letter")} dropped.
        </p>
      )}
      {!error?.field.startsWith("fixes.") && <ErrorNote error={error} />}
      <div className="button-row mend-foot">
        <button
          type="button"
          className="button"
          data-tone={isTried ? "plain" : "solid"}
          disabled={busy}
          data-testid="bulk-dry-run"
          onClick={() => void replay(true)}
        >
          Dry run
        </button>
        <Confirm
          label={isTried ? `Replay ${plural(usable, "letter")}…` : "Replay…"}
          question={
            isTried
              ? `${plural(usable, "letter")} of ${count(result?.tried ?? 0)} are taken in, each once. Those that fail stay new.`
              : `Nothing was tried with these changes. All ${plural(matched, "letter")} are attempted; those that fail stay new.`
          }
          action="Replay them"
          tone={isTried && usable > 0 ? "solid" : "plain"}
          disabled={busy || (isTried && usable === 0)}
          testId="bulk-replay"
          onConfirm={() => void replay(false)}
        />
        <Confirm
          label="Drop all…"
          question={`${plural(matched, "letter")} are given up. They stay to be looked at until their time is over.`}
          action="Drop them"
          tone="bad"
          disabled={busy || matched === 0}
          testId="bulk-drop"
          onConfirm={() => void drop()}
        />
      </div>
    </Modal>
  );
}

interface ProgressProps {
  result: BulkResult;
  busy: boolean;
  onStop: () => void;
}

function Progress({ result, busy, onStop }: ProgressProps) {
  const { dry, tried, matched, counts, failures, isOver } = result;
  const told = Object.entries(counts) as [LetterVerdict, number][];
  return (
    <section className="attempt" role="status" data-testid="bulk-result" data-dry={dry} data-over={isOver}>
      <p>
        <strong>{dry ? "Dry run" : "Replay"}:</strong> {count(tried)} of {plural(matched, "letter")} tried
        {!isOver && !busy && ", then stopped"}
      </p>
      <progress max={Math.max(1, matched)} value={tried} aria-label="Letters tried" />
      <ul className="bulk-counts">
        {told.map(([verdict, letters]) => (
          <li key={verdict} data-verdict={verdict} title={ATTEMPT_WORDS[verdict]?.help}>
            <strong>{count(letters)}</strong> {(ATTEMPT_WORDS[verdict]?.label ?? verdict).toLowerCase()}
          </li>
        ))}
      </ul>
      {failures.length > 0 && (
        <ul className="bulk-failures small">
          {failures.map(({ id, reason }) => (
            <li key={id}>{reason}</li>
          ))}
        </ul>
      )}
      {busy && (
        <button type="button" className="button" onClick={onStop}>
          Stop after this thousand
        </button>
      )}
    </section>
  );
}
