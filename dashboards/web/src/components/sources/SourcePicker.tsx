/** Chooses one source, or all. */

import type { Source } from "../../client/door";

interface Props {
  sources: readonly Source[];
  value: string;
  /** What choosing none is called, where that may be done. */
  all?: string;
  onChange: (source: string) => void;
}

export function SourcePicker({ sources, value, all, onChange }: Props) {
  const isKnown = value === "" || sources.some(({ id }) => id === value);
  return (
    <label className="picker">
      <span className="visually-hidden">Source</span>
      <select value={value} data-testid="source-picker" onChange={(event) => onChange(event.target.value)}>
        {all && <option value="">{all}</option>}
        {sources.map(({ id, name }) => (
          <option key={id} value={id}>
            {name && name !== id ? `${name} (${id})` : id}
          </option>
        ))}
        {!isKnown && <option value={value}>{value}</option>}
      </select>
    </label>
  );
}
