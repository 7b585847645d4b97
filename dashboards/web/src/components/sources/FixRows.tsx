/** Fixes as rows: what to do, where, and with what. */

import type { ApiError } from "../../client/http";
import { type FixOp, type FixRow, kindOfValue, rowAtFault } from "../../lib/fixes";
import { Icon } from "../Icon";

interface Props {
  rows: readonly FixRow[];
  error: ApiError | null;
  onChange: (rows: FixRow[]) => void;
}

const MOST = 50;
const OPS: Record<FixOp, string> = { set: "Set", remove: "Remove", rename: "Rename" };
const PLACES: Record<FixOp, string> = {
  set: "properties.price",
  remove: "context.traits.email",
  rename: "user",
};

export const nextKey = (rows: readonly FixRow[]): number => Math.max(0, ...rows.map(({ key }) => key)) + 1;

export function FixRows({ rows, error, onChange }: Props) {
  const faulty = error ? rowAtFault(error.field, rows) : null;
  const change = (row: FixRow): void => onChange(rows.map((other) => (other.key === row.key ? row : other)));
  return (
    <div className="fixes" data-testid="fixes">
      <ol>
        {rows.map((row, index) => (
          <li key={row.key} className="fix" data-op={row.op} data-wrong={faulty === row}>
            <Row row={row} number={index + 1} isWrong={faulty === row} onChange={change} />
            <button
              type="button"
              className="icon-button small-icon"
              aria-label={`Leave out fix ${index + 1}`}
              onClick={() => onChange(rows.filter((other) => other !== row))}
            >
              <Icon name="cross" size={14} />
            </button>
            {faulty === row && error && (
              <p className="field-error" role="alert">
                {error.message}
              </p>
            )}
          </li>
        ))}
      </ol>
      <button
        type="button"
        className="button"
        disabled={rows.length >= MOST}
        data-testid="add-fix"
        onClick={() => onChange([...rows, { key: nextKey(rows), op: "set", path: "", to: "" }])}
      >
        <Icon name="plus" size={14} /> {rows.length === 0 ? "Change something" : "Another change"}
      </button>
    </div>
  );
}

interface RowProps {
  row: FixRow;
  number: number;
  isWrong: boolean;
  onChange: (row: FixRow) => void;
}

function Row({ row, number, isWrong, onChange }: RowProps) {
  const { op, path, to } = row;
  return (
    <>
      <select
        aria-label={`What fix ${number} does`}
        value={op}
        onChange={(event) => onChange({ ...row, op: event.target.value as FixOp })}
      >
        {Object.entries(OPS).map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
      <input
        aria-label={`Path of fix ${number}`}
        aria-invalid={isWrong}
        placeholder={PLACES[op]}
        spellCheck={false}
        autoCapitalize="off"
        maxLength={500}
        value={path}
        data-testid="fix-path"
        onChange={(event) => onChange({ ...row, path: event.target.value })}
      />
      {op !== "remove" && (
        <span className="fix-to">
          <span className="soft">{op === "set" ? "=" : "→"}</span>
          <input
            aria-label={op === "set" ? `Value of fix ${number}` : `New path of fix ${number}`}
            placeholder={op === "set" ? "9.9" : "userId"}
            spellCheck={false}
            autoCapitalize="off"
            value={to}
            data-testid="fix-value"
            onChange={(event) => onChange({ ...row, to: event.target.value })}
          />
          {op === "set" && <span className="note value-kind">{kindOfValue(to)}</span>}
        </span>
      )}
    </>
  );
}
