/** Mends one letter: changes of its fields, or the text itself; tried first, then taken in. Or gives it up. */

import { type ReactNode, useState } from "react";
import type { LetterAttempt, LetterDetail, ReplayReport } from "../../client/door";
import { sendJson } from "../../client/http";
import { type FixRow, fixesJson, jsonProblem, readable, replacementJson } from "../../lib/fixes";
import { canMend, canReplay, stageLabel } from "../../lib/verdicts";
import { Confirm } from "../Confirm";
import { ErrorNote } from "../ErrorNote";
import { Section } from "../Section";
import { useAction } from "../useAction";
import { Attempt } from "./Attempt";
import { FixRows } from "./FixRows";

interface Props {
  letter: LetterDetail;
  onChanged: () => void;
}

type Way = "fields" | "text";

export function MendSection({ letter, onChanged }: Props) {
  const { id, stage, state, via, encoding, is_cut, field } = letter;
  const isText = encoding === "utf-8" && !is_cut && via !== "gif";
  const isJson = isText && jsonProblem(letter.raw) === "";
  const [way, setWay] = useState<Way>(isText && !isJson ? "text" : "fields");
  const [rows, setRows] = useState<FixRow[]>(() => firstRows(isJson || via === "gif", field));
  const [text, setText] = useState(() => (isText ? readable(letter.raw) : ""));
  const [attempt, setAttempt] = useState<{ of: string; told: LetterAttempt; dry: boolean } | null>(null);
  const { busy, error, run, forget } = useAction();

  if (!canReplay(stage)) {
    return (
      <Section title="What to do">
        <p className="soft">
          It was put aside by a reader of the log ({stageLabel(stage)}), and can't be taken in again: look at
          it, then drop it.
        </p>
        <DropPart letter={letter} onChanged={onChanged} />
      </Section>
    );
  }
  const fixes = !canMend(stage) ? "[]" : way === "text" ? replacementJson(text) : fixesJson(rows);
  const problem = canMend(stage) && way === "text" ? jsonProblem(text) : "";
  const current = attempt?.of === fixes ? attempt : null;
  const send = (dry: boolean): Promise<boolean> =>
    run(async () => {
      const body = `{"ids":[${JSON.stringify(id)}],"dry_run":${dry},"fixes":${fixes}}`;
      const report = await sendJson<ReplayReport>("POST", "/api/dead-letters/replay", body);
      const told = report.verdicts[0];
      if (told) setAttempt({ of: fixes, told, dry });
      if (!dry) onChanged();
    });
  const isDone = state === "replayed";
  const isTried = current?.dry === true && current.told.verdict === "would_replay";
  return (
    <Section title={isDone ? "Taken in" : "Mend it"}>
      {canMend(stage) && !isDone && (
        <Editor
          way={way}
          canEditText={isText}
          onWay={(next) => {
            setWay(next);
            forget();
          }}
        >
          {way === "fields" ? (
            <FixRows rows={rows} error={error} onChange={setRows} />
          ) : (
            <TextEditor text={text} problem={problem} onChange={setText} />
          )}
        </Editor>
      )}
      {!canMend(stage) && <p className="soft">The engine's own record can't be changed, only tried again.</p>}
      {current && <Attempt attempt={current.told} />}
      {(way === "text" || !error?.field.startsWith("fixes.")) && <ErrorNote error={error} />}
      {!isDone && (
        <div className="button-row mend-foot">
          <button
            type="button"
            className="button"
            data-tone={isTried ? "plain" : "solid"}
            disabled={busy || problem !== ""}
            data-testid="dry-run"
            onClick={() => void send(true)}
          >
            Dry run
          </button>
          <button
            type="button"
            className="button"
            data-tone={isTried ? "solid" : "plain"}
            disabled={busy || problem !== ""}
            data-testid="replay"
            onClick={() => void send(false)}
          >
            Replay
          </button>
          <span className="soft small">
            {isTried
              ? "Tried with exactly these changes."
              : "A dry run shows what would come out and changes nothing."}
          </span>
          {state === "new" && <DropPart letter={letter} onChanged={onChanged} />}
        </div>
      )}
    </Section>
  );
}

/** The field that the door named is the likeliest to be set. */
const firstRows = (isChangeable: boolean, field: string): FixRow[] =>
  isChangeable && field ? [{ key: 1, op: "set", path: field, to: "" }] : [];

interface EditorProps {
  way: Way;
  canEditText: boolean;
  onWay: (way: Way) => void;
  children: ReactNode;
}

function Editor({ way, canEditText, onWay, children }: EditorProps) {
  return (
    <>
      {canEditText && (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset would lay it out differently and means no more
        <div className="segmented small" role="group" aria-label="How to mend it">
          <button type="button" aria-pressed={way === "fields"} onClick={() => onWay("fields")}>
            Change fields
          </button>
          <button
            type="button"
            aria-pressed={way === "text"}
            data-testid="edit-text"
            onClick={() => onWay("text")}
          >
            Edit the text
          </button>
        </div>
      )}
      {children}
    </>
  );
}

interface TextProps {
  text: string;
  problem: string;
  onChange: (text: string) => void;
}

function TextEditor({ text, problem, onChange }: TextProps) {
  return (
    <div className="field" data-wrong={problem !== ""}>
      <textarea
        className="raw-editor"
        aria-label="The letter's JSON"
        aria-invalid={problem !== ""}
        aria-describedby="raw-problem"
        rows={Math.min(18, Math.max(5, text.split("\n").length + 1))}
        spellCheck={false}
        autoCapitalize="off"
        value={text}
        data-testid="raw-editor"
        onChange={(event) => onChange(event.target.value)}
      />
      <p id="raw-problem" className={problem ? "field-error" : "field-help"} role="status">
        {problem
          ? `No JSON yet: ${problem}`
          : "Replaces the whole body. Numbers are sent as they stand here."}
      </p>
    </div>
  );
}

function DropPart({ letter, onChanged }: Props) {
  const { busy, error, run } = useAction();
  if (letter.state !== "new") return null;
  return (
    <>
      <Confirm
        label="Drop"
        question="It is given up: it stays to be looked at until its time is over, and can still be replayed."
        action="Drop it"
        tone="bad"
        disabled={busy}
        testId="drop"
        onConfirm={() =>
          void run(async () => {
            await sendJson("POST", "/api/dead-letters/drop", { ids: [letter.id] });
            onChanged();
          })
        }
      />
      <ErrorNote error={error} />
    </>
  );
}
