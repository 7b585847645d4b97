/** Dead letters: why they are there, which they are, and what can be done with many at once. */

import { useState } from "react";
import { LETTER_STATES, type Source } from "../../client/door";
import { causes, filterWords, narrowing, nothingWords, stateOf } from "../../lib/letters";
import { addressOf, goTo } from "../../lib/route";
import { STATE_WORDS, UNCERTAIN_HELP } from "../../lib/verdicts";
import { useLetterSummary, useLetters } from "../../queries/useDoor";
import { BulkSheet } from "./BulkSheet";
import { CauseList } from "./CauseList";
import { LetterList } from "./LetterList";
import { LetterSheet } from "./LetterSheet";
import { LettersBar } from "./LettersBar";

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
      <LettersBar
        sources={sources}
        filter={filter}
        state={state}
        counts={summary.data?.states ?? {}}
        onAsk={ask}
        onBulk={() => setBulk(true)}
      />
      <div className="letters-columns">
        <div className="letters-why">
          <CauseList
            causes={shownCauses}
            isRead={summary.data !== null || summary.error !== null}
            chosen={filter}
            onChoose={({ source, stage, code }) => ask({ source, stage, code, via: "" })}
          />
          <Explained />
        </div>
        <LetterList
          page={letters.data}
          error={letters.error}
          depth={afters.length}
          nothing={nothingWords(asked)}
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
