/** Mends one letter: changes of its fields, or the text itself; tried first, then taken in. Or gives it up. */

import { type ReactNode, useState } from "react";
import type { LetterAttempt, LetterDetail, ReplayReport } from "../../client/door";
import { sendJson } from "../../client/http";
import { type FixRow, fixesJson, jsonProblem, readable, replacementJson } from "../../lib/fixes";
import { canMend, canReplay, stageLabel } from "../../lib/verdicts";
import { Confirm } from "../Confirm";
import { ErrorNote } from "../ErrorNote";
import { useUnsaved } from "../Modal";
import { Section } from "../Section";
import { useAction } from "../useAction";
import { Attempt } from "./Attempt";
import { FixRows } from "./FixRows";
import { JsonEditor } from "./JsonEditor";
import { Editor, type Way } from "./LetterEditor";

interface Props {
  letter: LetterDetail;
  onChanged: () => void;
}

export function MendSection({ letter, onChanged }: Props) {
  const { id, stage, state, via, encoding, is_cut, field } = letter;
  const isText = encoding === "utf-8" && !is_cut && via !== "gif";
  const isJson = isText && jsonProblem(letter.raw) === "";
  const [way, setWay] = useState<Way>(isText && !isJson ? "text" : "fields");
  const [rows, setRows] = useState<FixRow[]>(() => firstRows(isJson || via === "gif", field));
  const [text, setText] = useState(() => (isText ? readable(letter.raw) : ""));
  const [attempt, setAttempt] = useState<{ of: string; told: LetterAttempt; dry: boolean } | null>(null);
  const { busy, error, run, forget } = useAction();
  useUnsaved(state === "new" && isText && text !== readable(letter.raw));

  if (!canReplay(stage)) return <OnlyDrop letter={letter} onChanged={onChanged} />;
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
            <JsonEditor
              label="The letter's JSON"
              text={text}
              help="Replaces the whole body. Numbers are sent as they stand here."
              problem={problem && `No JSON yet: ${problem}`}
              testId="raw-editor"
              onChange={setText}
            />
          )}
        </Editor>
      )}
      {!canMend(stage) && <p className="soft">The engine's own record can't be changed, only tried again.</p>}
      {current && <Attempt attempt={current.told} />}
      {(way === "text" || !error?.field.startsWith("fixes.")) && <ErrorNote error={error} />}
      {!isDone && (
        <Foot busy={busy} isReady={problem === ""} isTried={isTried} onSend={send}>
          <DropPart letter={letter} onChanged={onChanged} />
        </Foot>
      )}
    </Section>
  );
}

/** The field that the door named is the likeliest to be set. */
const firstRows = (isChangeable: boolean, field: string): FixRow[] =>
  isChangeable && field ? [{ key: 1, op: "set", path: field, to: "" }] : [];

interface FootProps {
  busy: boolean;
  isReady: boolean;
  isTried: boolean;
  onSend: (dry: boolean) => Promise<boolean>;
  children: ReactNode;
}

function Foot({ busy, isReady, isTried, onSend, children }: FootProps) {
  const button = (label: string, testId: string, isNext: boolean, dry: boolean) => (
    <button
      type="button"
      className="button"
      data-tone={isNext ? "solid" : "plain"}
      disabled={!isReady}
      aria-disabled={busy}
      data-testid={testId}
      onClick={() => void onSend(dry)}
    >
      {label}
    </button>
  );
  return (
    <div className="button-row mend-foot">
      {button("Dry run", "dry-run", !isTried, true)}
      {button("Replay", "replay", isTried, false)}
      <span className="soft small">
        {isTried
          ? "Tried with exactly these changes."
          : "A dry run shows what would come out and changes nothing."}
      </span>
      {children}
    </div>
  );
}

function OnlyDrop({ letter, onChanged }: Props) {
  return (
    <Section title="What to do">
      <p className="soft">
        It was put aside by a reader of the log ({stageLabel(letter.stage)}), and can't be taken in again:
        look at it, then drop it.
      </p>
      <DropPart letter={letter} onChanged={onChanged} />
    </Section>
  );
}

function DropPart({ letter, onChanged }: Props) {
  const { error, run } = useAction();
  if (letter.state !== "new") return null;
  return (
    <>
      <Confirm
        label="Drop"
        question="It is given up: it stays to be looked at until its time is over, and can still be replayed."
        action="Drop it"
        tone="bad"
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
