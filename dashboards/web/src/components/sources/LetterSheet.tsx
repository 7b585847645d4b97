/** One dead letter: why it is one, what came, and how it is mended, tried, replayed or dropped. */

import { useState } from "react";
import type { LetterDetail } from "../../client/door";
import { bytes, plural } from "../../lib/format";
import { fullTime } from "../../lib/time";
import { STATE_WORDS, stageLabel } from "../../lib/verdicts";
import { useLetter } from "../../queries/useDoor";
import { Unread } from "../EmptyState";
import { Json } from "../Json";
import { Modal } from "../Modal";
import { Section } from "../Section";
import { MendSection } from "./MendSection";

const FIRST_BYTES = 65_536;
const MOST_BYTES = 1 << 20;

interface Props {
  id: string;
  onChanged: () => void;
  onClose: () => void;
}

export function LetterSheet({ id, onChanged, onClose }: Props) {
  const [maxBytes, setMaxBytes] = useState(FIRST_BYTES);
  const [edition, setEdition] = useState(0);
  const { data: letter, error } = useLetter(id, maxBytes, edition);
  const changed = (): void => {
    setEdition((before) => before + 1);
    onChanged();
  };
  return (
    <Modal label={`Dead letter ${id}`} shape="sheet" testId="letter-sheet" onClose={onClose}>
      {letter ? (
        <>
          <LetterHead letter={letter} />
          <Section title="What came" aside={bytes(letter.size_bytes)}>
            <Raw letter={letter} />
            {letter.is_cut && maxBytes < MOST_BYTES && (
              <button type="button" className="button" onClick={() => setMaxBytes(MOST_BYTES)}>
                Show all of it
              </button>
            )}
          </Section>
          <MendSection key={`${letter.is_cut}`} letter={letter} onChanged={changed} />
        </>
      ) : (
        <Unread icon="question" what="This letter" error={error} />
      )}
    </Modal>
  );
}

function LetterHead({ letter }: { letter: LetterDetail }) {
  const { id, source, stage, via, code, reason, field, at_ms, state, state_ms, state_by, outcome, attempts } =
    letter;
  const facts: [string, string][] = [
    ["Source", source],
    ["Stage", stageLabel(stage)],
    ["Came by", via || "—"],
    ["When", fullTime(at_ms)],
    ["At fault", field || "—"],
    ["Failed attempts", attempts > 0 ? String(attempts) : "none"],
  ];
  return (
    <header className="sheet-head" data-state={state}>
      <h2>{reason || code}</h2>
      <p className="sheet-facts">
        <span className="status" data-letter-state={state} data-testid="letter-state">
          {STATE_WORDS[state].label}
        </span>
        <code>{code}</code>
        <span className="soft">letter {id}</span>
      </p>
      <p className="reason">
        {STATE_WORDS[state].help}
        {state_ms !== null &&
          ` ${STATE_WORDS[state].label} ${fullTime(state_ms)} by ${state_by || "somebody"}.`}
        {outcome && ` ${outcome}`}
      </p>
      <dl className="letter-facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </header>
  );
}

function Raw({ letter }: { letter: LetterDetail }) {
  const { raw, encoding, head } = letter;
  return (
    <>
      {encoding === "base64" && (
        <p className="field-help">These bytes are no text; here they are in base64.</p>
      )}
      {raw === "" && <p className="soft">Nothing was kept but the reason.</p>}
      {raw !== "" && <Json text={raw} label="What came" testId="letter-raw" />}
      {Object.keys(head).length > 0 && (
        <details className="letter-head">
          <summary>{plural(Object.keys(head).length, "fact")} of the request</summary>
          <Json text={JSON.stringify(head, null, 2)} label="Facts of the request" />
        </details>
      )}
    </>
  );
}
