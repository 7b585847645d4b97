/** Narrows dead letters down by state, source and reason, and begins to mend what is left. */

import { useState } from "react";
import { LETTER_STATES, type Source } from "../../client/door";
import { count, plural } from "../../lib/format";
import type { FilterField } from "../../lib/letters";
import { STATE_WORDS, stageLabel } from "../../lib/verdicts";
import { Icon } from "../Icon";
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
      <button
        type="button"
        className="button push"
        data-tone="solid"
        disabled={waiting === 0}
        data-testid="bulk-open"
        onClick={onBulk}
      >
        Mend {plural(waiting, "new letter")}…
      </button>
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
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would lay it out differently and means no more
    <div className="segmented" role="group" aria-label="State of the letters">
      {LETTER_STATES.map((one) => (
        <button
          key={one}
          type="button"
          aria-pressed={state === one}
          title={STATE_WORDS[one].help}
          data-testid={`state-${one}`}
          onClick={() => onChange(one === "new" ? "" : one)}
        >
          {STATE_WORDS[one].label} {count(counts[one] ?? 0)}
        </button>
      ))}
      <button type="button" aria-pressed={state === ""} onClick={() => onChange("all")}>
        All
      </button>
    </div>
  );
}

/** Searches when it is left or Enter is pressed: each search is a look through all letters. */
function ReasonSearch({ text, onChange }: { text: string; onChange: (text: string) => void }) {
  const [typed, setTyped] = useState(text);
  return (
    <form
      className="search"
      onSubmit={(event) => {
        event.preventDefault();
        onChange(typed.trim());
      }}
    >
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
    </form>
  );
}
