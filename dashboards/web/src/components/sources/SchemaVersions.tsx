/** Which version of a schema is shown. Earlier ones can be looked at, but not while something is typed that would be lost. */

import type { SchemaNote } from "../../client/door";
import { fullTime } from "../../lib/time";
import { useSchemaVersions } from "../../queries/useDoor";
import { ErrorNote } from "../ErrorNote";
import { Field } from "../Field";

interface Props {
  /** The newest version. */
  note: SchemaNote;
  shown: number;
  isTyped: boolean;
  onPick: (version: number) => void;
}

export function SchemaVersions({ note, shown, isTyped, onPick }: Props) {
  const { data, error } = useSchemaVersions(note);
  if (error) return <ErrorNote error={error} />;
  const versions = data?.schemas ?? [note];
  return (
    <Field label="Version" help={help(isTyped, shown === note.version)}>
      {(control) => (
        <select
          {...control}
          value={shown}
          disabled={isTyped || versions.length === 1}
          data-testid="schema-version"
          onChange={(event) => onPick(Number(event.target.value))}
        >
          {versions.map((one) => (
            <option key={one.version} value={one.version} disabled={one.is_removed}>
              {told(one)}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function help(isTyped: boolean, isNewest: boolean): string {
  if (isTyped) return "Save or cancel what you have typed to look at another one.";
  return isNewest
    ? "This one is in force."
    : "Not in force any more. Save it to bring it back, as the next version.";
}

const told = ({ version, created_ms, author, is_removed }: SchemaNote): string =>
  [`Version ${version}`, is_removed && "removed", fullTime(created_ms), author].filter(Boolean).join(" · ");
