/** A schema as text: put as the event's next version, or taken away. What the API can't use is told with its place. */

import { useEffect, useRef, useState } from "react";
import type { SchemaNote } from "../../client/door";
import { type ApiError, getText, sendJson } from "../../client/http";
import { jsonProblem, readable } from "../../lib/fixes";
import { lineOf, NEW_SCHEMA, placeOf, schemaPath, schemaText } from "../../lib/schemas";
import { Confirm } from "../Confirm";
import { ErrorNote } from "../ErrorNote";
import { Form, TextField, Toggle } from "../Field";
import { useUnsaved } from "../Modal";
import { useAction } from "../useAction";
import { JsonEditor } from "./JsonEditor";
import { SchemaVersions } from "./SchemaVersions";

/** What is changed, and its text; nothing for a new one. */
export interface Draft {
  note: SchemaNote;
  text: string;
}

interface Props {
  source: string;
  draft: Draft | null;
  /** `told` is what has been done, "" for nothing. */
  onDone: (told: string) => void;
}

export function SchemaEditor({ source, draft, onDone }: Props) {
  const note = draft?.note;
  const [event, setEvent] = useState(note?.event ?? "");
  const [isForAll, setForAll] = useState(note?.source === "");
  const newest = draft?.text ?? NEW_SCHEMA;
  const [shown, setShown] = useState({ version: note?.version ?? 0, text: newest });
  const [text, setText] = useState(newest);
  const [judged, setJudged] = useState("");
  const { error, run } = useAction();
  const first = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  useEffect(() => first.current?.focus(), []);

  const whose = isForAll ? "" : source;
  const isTyped = text !== shown.text || event !== (note?.event ?? "");
  const isChanged = text !== newest || event !== note?.event || note.source !== whose;
  useUnsaved(isTyped);
  const unfinished = jsonProblem(text);
  const place = error && placeOf(error.field);
  const save = (): Promise<boolean> =>
    run(async () => {
      setJudged(text);
      const stored = await sendJson<SchemaNote>("PUT", schemaPath(event, whose), text);
      onDone(`Stored: ${stored.event}, version ${stored.version}.`);
    });
  const look = (version: number): Promise<boolean> =>
    run(async () => {
      if (!note) return;
      const read = readable(schemaText(await getText(schemaPath(note.event, note.source, version))));
      setShown({ version, text: read });
      setText(read);
    });
  const remove = (): Promise<boolean> =>
    run(async () => {
      if (!note) return;
      await sendJson("DELETE", schemaPath(note.event, note.source), {});
      onDone(`Removed: the schema of ${note.event}.`);
    });
  return (
    <Form
      className="form"
      data-testid="schema-editor"
      error={error}
      onSubmit={() => void save()}
      onKeyDown={(pressed) => {
        if (pressed.key !== "Escape") return;
        pressed.preventDefault(); // the drawer around it stays open, and what was typed stays
        if (!isTyped) onDone("");
      }}
    >
      {!note && (
        <TextField
          ref={first}
          label="Event"
          help="In any spelling: Order Completed and order_completed are one."
          error={error?.field === "event" ? error.problem : undefined}
          testId="schema-event"
          maxLength={128}
          value={event}
          onChange={setEvent}
        />
      )}
      {note && (
        <SchemaVersions
          note={note}
          shown={shown.version}
          isTyped={isTyped}
          onPick={(version) => void look(version)}
        />
      )}
      <JsonEditor
        ref={note ? first : null}
        label={note ? `JSON Schema of ${note.event}` : "JSON Schema"}
        text={text}
        help="Of the event's properties; for “identified” of its traits."
        problem={
          unfinished
            ? `No JSON yet: ${unfinished}`
            : error && place !== null && text === judged && told(error, place, text)
        }
        testId="schema-text"
        onChange={setText}
      />
      {note?.source !== source && (
        <Toggle
          label="For all sources"
          help="A source's own schema goes before it."
          checked={isForAll}
          onChange={setForAll}
        />
      )}
      {error?.field !== "event" && place === null && <ErrorNote error={error} />}
      <div className="button-row">
        <button
          type="submit"
          className="button"
          data-tone="solid"
          disabled={unfinished !== "" || event.trim() === "" || !isChanged}
          data-testid="save-schema"
        >
          {note ? "Save as next version" : "Add the schema"}
        </button>
        <button type="button" className="button" onClick={() => onDone("")}>
          Cancel
        </button>
        {note && (
          <Confirm
            label="Remove"
            question={`${note.source === "" ? "All sources' events" : "This source's events"} named ${note.event} are judged by this schema no more. Its versions stay.`}
            action="Remove it"
            tone="bad"
            testId="remove-schema"
            onConfirm={() => void remove()}
          />
        )}
      </div>
    </Form>
  );
}

/** What is wrong, with its place and line. */
function told(error: ApiError, place: string, text: string) {
  const line = place && lineOf(text, place);
  return (
    <>
      {place && (
        <>
          <code>{place}</code>
          {line && ` in line ${line}`}
          {": "}
        </>
      )}
      {error.problem}
    </>
  );
}
