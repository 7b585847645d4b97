/** The schemas that judge a source's events, how strictly, and their editor. */

import { useEffect, useRef, useState } from "react";
import type { Policy, SchemaList, SchemaNote, Source } from "../../client/door";
import { getText, sendJson } from "../../client/http";
import { readable } from "../../lib/fixes";
import { plural } from "../../lib/format";
import { inForce, schemaPath, schemaText } from "../../lib/schemas";
import { useSchemas } from "../../queries/useDoor";
import { ErrorNote } from "../ErrorNote";
import { Icon } from "../Icon";
import { Section } from "../Section";
import { Segmented } from "../Segmented";
import { Ago } from "../times";
import { useAction } from "../useAction";
import { type Draft, SchemaEditor } from "./SchemaEditor";

type Mode = Policy["schemas"];

const MODES = [
  { value: "off", label: "Off", testId: "schemas-off" },
  { value: "warn", label: "Warn", testId: "schemas-warn" },
  { value: "block", label: "Block", testId: "schemas-block" },
] as const;
const MODE_HELP: Record<Mode, string> = {
  off: "Events are not judged.",
  warn: "Events that break their schema are taken, and marked with the reason.",
  block: "Events that break their schema are refused, and kept as dead letters.",
};

interface Props {
  source: Source;
  path: string;
  onChanged: () => void;
}

export function SchemasSection({ source, path, onChanged }: Props) {
  const [edition, setEdition] = useState(0);
  const [editing, setEditing] = useState<{ draft: Draft | null } | null>(null);
  const [done, setDone] = useState("");
  const [mode, setMode] = useState(source.policy.schemas);
  const { data, error: unread } = useSchemas(edition);
  const { error, run } = useAction();

  const judge = (schemas: Mode): Promise<boolean> =>
    run(async () => {
      const stored = await sendJson<Source>("PATCH", path, { policy: { schemas } });
      setMode(stored.policy.schemas);
      setDone("");
      onChanged();
    });
  const edit = (note: SchemaNote): Promise<boolean> =>
    run(async () => {
      const answer = await getText(schemaPath(note.event, note.source));
      setEditing({ draft: { note, text: readable(schemaText(answer)) } });
    });
  return (
    <Section
      title="Schemas"
      aside={editing?.draft && `${editing.draft.note.event}, ${version(editing.draft.note)}`}
    >
      {editing ? (
        <SchemaEditor
          source={source.id}
          draft={editing.draft}
          onDone={(told) => {
            setEditing(null);
            setDone(told);
            setEdition((before) => before + 1);
          }}
        />
      ) : (
        <>
          <Segmented
            label="What happens to events that break their schema"
            choices={MODES}
            value={mode}
            onChange={(next) => void judge(next)}
          />
          <p className="field-help">{MODE_HELP[mode]}</p>
          <ErrorNote error={error ?? unread} />
          <Listed data={data} source={source.id} onEdit={(note) => void edit(note)} />
          <AddButton hasEdited={edition > 0} onClick={() => setEditing({ draft: null })} />
        </>
      )}
      <p className="field-help" role="status" data-testid="schema-done">
        {!editing && done}
      </p>
    </Section>
  );
}

const version = ({ version: number }: SchemaNote): string => `version ${number}`;

interface ListedProps {
  data: SchemaList | null;
  source: string;
  onEdit: (note: SchemaNote) => void;
}

function Listed({ data, source, onEdit }: ListedProps) {
  if (!data) return <p className="schemas-none soft">Reading…</p>;
  const notes = inForce(data.schemas, source);
  if (notes.length === 0) return <p className="schemas-none soft">There is none yet.</p>;
  return (
    <ul className="schemas" aria-label={plural(notes.length, "schema")} data-testid="schemas">
      {notes.map((note) => (
        <li key={note.event} data-event={note.event} data-version={note.version}>
          <button type="button" className="row-button" onClick={() => onEdit(note)}>
            <code>{note.event}</code>
          </button>
          {note.source === "" && <span className="note">all sources</span>}
          <span className="soft small push">
            {version(note)} · <Ago at={note.created_ms} />
          </span>
        </li>
      ))}
    </ul>
  );
}

/** The focus comes back here when the editor is closed. */
function AddButton({ hasEdited, onClick }: { hasEdited: boolean; onClick: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (hasEdited) button.current?.focus();
  }, [hasEdited]);
  return (
    <button ref={button} type="button" className="button" data-testid="add-schema" onClick={onClick}>
      <Icon name="plus" size={15} /> Add a schema
    </button>
  );
}
