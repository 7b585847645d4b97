/** Narrows dead letters down by state, source and reason, and begins to mend what is left. */

import { useState } from "react";
import { LETTER_STATES, type Source } from "../../client/door";
import { count, plural } from "../../lib/format";
import type { FilterField } from "../../lib/letters";
import { STATE_WORDS, stageLabel } from "../../lib/verdicts";
import { Form } from "../Field";
import { Icon } from "../Icon";
import { Segmented } from "../Segmented";
import { SourcePicker } from "./SourcePicker";

interface Props {
  sources: readonly Source[];
  filter: Partial<Record<FilterField, string>>;
  state: string;
  counts: Partial<Record<string, number>>;
  onAsk: (more: Record<string, string>, replace?: boolean) => void;
  onBulk: () => void;
}

export function LettersBar({ sources, filter, state, counts, onAsk, onBulk }: Props) {
  const waiting = counts.new ?? 0;
  return (
    <div className="letters-bar">
      <States state={state} counts={counts} onChange={(next) => onAsk({ state: next })} />
      <SourcePicker
        sources={sources}
        value={filter.source ?? ""}
        all="All sources"
        onChange={(source) => onAsk({ source })}
      />
      <ReasonSearch
        key={filter.text ?? ""}
        text={filter.text ?? ""}
        onChange={(text) => onAsk({ text }, true)}
      />
      {(filter.stage || filter.code || filter.via) && (
        <button
          type="button"
          className="button chosen"
          aria-label="Show letters of every cause"
          onClick={() => onAsk({ stage: "", code: "", via: "" })}
        >
          {[filter.stage && stageLabel(filter.stage), filter.code, filter.via].filter(Boolean).join(" · ")}
          <Icon name="cross" size={13} />
        </button>
      )}
      {waiting > 0 && (
        <button
          type="button"
          className="button push"
          data-tone="solid"
          data-testid="bulk-open"
          onClick={onBulk}
        >
          Mend {plural(waiting, "new letter")}…
        </button>
      )}
    </div>
  );
}

interface StatesProps {
  state: string;
  counts: Partial<Record<string, number>>;
  onChange: (state: string) => void;
}

function States({ state, counts, onChange }: StatesProps) {
  return (
    <Segmented
      label="State of the letters"
      choices={[
        ...LETTER_STATES.map((one) => ({
          value: one,
          label: `${STATE_WORDS[one].label} ${count(counts[one] ?? 0)}`,
          help: STATE_WORDS[one].help,
          testId: `state-${one}`,
        })),
        { value: "all", label: "All" },
      ]}
      value={state || "all"}
      onChange={(next) => onChange(next === "new" ? "" : next)}
    />
  );
}

/** Searches when it is left or Enter is pressed: each search is a look through all letters. */
function ReasonSearch({ text, onChange }: { text: string; onChange: (text: string) => void }) {
  const [typed, setTyped] = useState(text);
  return (
    <Form className="search" onSubmit={() => onChange(typed.trim())}>
      <Icon name="search" size={15} />
      <input
        type="search"
        aria-label="Only letters with this text in the reason"
        placeholder="Text in the reason"
        maxLength={200}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        onBlur={() => onChange(typed.trim())}
      />
    </Form>
  );
}
