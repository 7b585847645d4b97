/** Dead letters: why they are there, which they are, and what can be done with many at once. */

import { useState } from "react";
import { LETTER_STATES, type Source } from "../../client/door";
import { count, plural } from "../../lib/format";
import { causes, filterWords, narrowing, stateOf } from "../../lib/letters";
import { addressOf, goTo } from "../../lib/route";
import { STATE_WORDS, stageLabel, UNCERTAIN_HELP } from "../../lib/verdicts";
import { useLetterSummary, useLetters } from "../../queries/useDoor";
import { Icon } from "../Icon";
import { BulkSheet } from "./BulkSheet";
import { CauseList } from "./CauseList";
import { LetterList } from "./LetterList";
import { LetterSheet } from "./LetterSheet";
import { SourcePicker } from "./SourcePicker";

interface Props {
  sources: readonly Source[];
  asked: Record<string, string>;
  onChanged: () => void;
  edition: number;
}

export function Letters({ sources, asked, onChanged, edition }: Props) {
  const filter = narrowing(asked);
  const state = stateOf(asked);
  const filterKey = JSON.stringify([filter, state]);
  const [pages, setPages] = useState<{ of: string; afters: string[] }>({ of: filterKey, afters: [] });
  const afters = pages.of === filterKey ? pages.afters : [];
  const summary = useLetterSummary(filter, edition);
  const letters = useLetters({ ...filter, state }, afters.at(-1) ?? "", edition);
  const [bulk, setBulk] = useState(false);
  const ask = (more: Record<string, string>, replace = false): void =>
    goTo(addressOf("letters", { ...asked, ...more }), { replace });
  const waiting = summary.data?.states.new ?? 0;
  const shownCauses = causes(summary.data?.groups ?? [], state);

  return (
    <div className="letters" data-testid="letters-view">
      <div className="letters-bar">
        <States state={state} counts={summary.data?.states ?? {}} onChange={(next) => ask({ state: next })} />
        <SourcePicker
          sources={sources}
          value={filter.source ?? ""}
          all="All sources"
          onChange={(source) => ask({ source })}
        />
        <ReasonSearch
          key={filter.text ?? ""}
          text={filter.text ?? ""}
          onChange={(text) => ask({ text }, true)}
        />
        {(filter.stage || filter.code || filter.via) && (
          <button
            type="button"
            className="button chosen"
            aria-label="Show letters of every cause"
            onClick={() => ask({ stage: "", code: "", via: "" })}
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
          onClick={() => setBulk(true)}
        >
          Mend {plural(waiting, "new letter")}…
        </button>
      </div>
      <div className="letters-columns">
        <div className="letters-why">
          <CauseList
            causes={shownCauses}
            chosen={filter}
            onChoose={({ source, stage, code }) => ask({ source, stage, code, via: "" })}
          />
          <Explained />
        </div>
        <LetterList
          page={letters.data}
          error={letters.error}
          depth={afters.length}
          isFiltered={state !== "" || Object.keys(filter).length > 0}
          onOpen={(letter) => ask({ letter })}
          onNewer={() => setPages({ of: filterKey, afters: afters.slice(0, -1) })}
          onOlder={(after) => setPages({ of: filterKey, afters: [...afters, after] })}
        />
      </div>
      {asked.letter && (
        <LetterSheet
          key={asked.letter}
          id={asked.letter}
          onChanged={onChanged}
          onClose={() => ask({ letter: "" })}
        />
      )}
      {bulk && (
        <BulkSheet
          filter={filter}
          words={filterWords(asked)}
          matched={waiting}
          onChanged={onChanged}
          onClose={() => setBulk(false)}
        />
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

function Explained() {
  return (
    <details className="panel explained">
      <summary>What the states mean</summary>
      <dl>
        {LETTER_STATES.map((state) => (
          <div key={state}>
            <dt>{STATE_WORDS[state].label}</dt>
            <dd>{STATE_WORDS[state].help}</dd>
          </div>
        ))}
        <div>
          <dt>Uncertain</dt>
          <dd>{UNCERTAIN_HELP}</dd>
        </div>
      </dl>
    </details>
  );
}
