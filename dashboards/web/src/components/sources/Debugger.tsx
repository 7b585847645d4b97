/** What one source sends and what becomes of each message, live. Stands still while somebody reads. */

import { type ReactNode, useCallback, useEffect, useState } from "react";
import type { Source } from "../../client/door";
import { count, plural } from "../../lib/format";
import { addressOf, goTo } from "../../lib/route";
import { useDebugger } from "../../live/useDebugger";
import { EmptyState } from "../EmptyState";
import { Icon } from "../Icon";
import { NotedRow } from "./NotedRow";
import { SourcePicker } from "./SourcePicker";
import { useHeld } from "./useHeld";
import { VerdictFilter } from "./VerdictFilter";

const TYPING_MS = 300;

interface Props {
  sources: readonly Source[];
  asked: Record<string, string>;
  links: number;
}

export function Debugger({ sources, asked, links }: Props) {
  const source = asked.source ?? sources.find(({ kind }) => kind === "web")?.id ?? sources[0]?.id;
  if (!source) {
    return (
      <EmptyState icon="pulse" title="There is no source yet">
        Add one: what it sends appears here.
      </EmptyState>
    );
  }
  return <Stream key={source} source={source} sources={sources} asked={asked} links={links} />;
}

function Stream({ source, sources, asked, links }: Props & { source: string }) {
  const [typed, setTyped] = useState(asked.text ?? "");
  const text = useSettled(typed.trim());
  const wanted = new Set((asked.verdict ?? "").split(",").filter(Boolean));
  const { state, connection, refusal, clear } = useDebugger(source, text, links);
  const { shown, waiting, paused, pause, resume, hover } = useHeld(state, wanted, text);
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set());

  const ask = (more: Record<string, string>): void =>
    goTo(addressOf("live", { ...asked, source, ...more }), { replace: !("source" in more) });
  useEffect(() => {
    if (text !== (asked.text ?? "")) goTo(addressOf("live", { ...asked, source, text }), { replace: true });
  }, [text, asked, source]);

  const toggle = useCallback(
    (seq: number, isOpen: boolean): void => {
      if (isOpen) pause(); // the list must not run away under who reads
      setOpened((before) => (isOpen ? new Set(before).add(seq) : without(before, seq)));
    },
    [pause],
  );
  return (
    <section
      className="panel stream"
      aria-label={`Live messages of ${source}`}
      data-testid="stream"
      data-connection={connection}
    >
      <StreamHead
        sources={sources}
        source={source}
        typed={typed}
        paused={paused}
        onSource={(next) => ask({ source: next })}
        onType={setTyped}
        onPause={paused ? resume : pause}
        onClear={() => {
          clear();
          resume();
        }}
      />
      <VerdictFilter state={state} wanted={wanted} onChange={(verdict) => ask({ verdict })} />
      <p className="stream-note" data-testid="stream-note">
        <StreamNote connection={connection} waiting={waiting} paused={paused} missed={state.missed} />
      </p>
      {refusal || shown.length === 0 ? (
        <EmptyState icon={refusal ? "alert" : "pulse"} title={refusal ? "Not shown" : "Nothing to show yet"}>
          {refusal || emptyText(text !== "" || wanted.size > 0)}
        </EmptyState>
      ) : (
        <ol className="noted-list" aria-label="Messages, the newest first" {...hover}>
          {shown.map((entry) => (
            <NotedRow key={entry.seq} entry={entry} open={opened.has(entry.seq)} onToggle={toggle} />
          ))}
        </ol>
      )}
    </section>
  );
}

interface HeadProps {
  sources: readonly Source[];
  source: string;
  typed: string;
  paused: boolean;
  onSource: (source: string) => void;
  onType: (text: string) => void;
  onPause: () => void;
  onClear: () => void;
}

function StreamHead({ sources, source, typed, paused, onSource, onType, onPause, onClear }: HeadProps) {
  return (
    <header className="stream-head">
      <SourcePicker sources={sources} value={source} onChange={onSource} />
      <label className="search">
        <Icon name="search" size={15} />
        <span className="visually-hidden">Only messages with this text</span>
        <input
          type="search"
          placeholder="Text in any part"
          maxLength={200}
          value={typed}
          onChange={(event) => onType(event.target.value)}
        />
      </label>
      <div className="button-row push">
        <button
          type="button"
          className="button"
          data-tone={paused ? "solid" : "plain"}
          data-testid="pause"
          onClick={onPause}
        >
          <Icon name={paused ? "play" : "pause"} size={14} /> {paused ? "Resume" : "Pause"}
        </button>
        <button type="button" className="button" onClick={onClear}>
          Clear
        </button>
      </div>
    </header>
  );
}

const emptyText = (isFiltered: boolean): string =>
  isFiltered
    ? "Nothing of the last 15 minutes is like this. What comes appears at once."
    : "It has sent nothing in the last 15 minutes. What comes appears at once. Requests with an unknown key belong to no source.";

const without = (set: ReadonlySet<number>, one: number): Set<number> =>
  new Set([...set].filter((other) => other !== one));

interface NoteProps {
  connection: string;
  waiting: number;
  paused: boolean;
  missed: number;
}

function StreamNote({ connection, waiting, paused, missed }: NoteProps): ReactNode {
  const link =
    connection === "open" ? "The last 15 minutes, then live." : "The live link is gone; trying again…";
  const held = paused ? "Paused" : waiting > 0 ? "Held while you look" : link;
  return (
    <>
      <span className={paused || waiting > 0 ? "paused" : undefined}>
        {held}
        {waiting > 0 && ` · ${count(waiting)} new`}
      </span>
      {missed > 0 && (
        <span
          className="missed"
          title="They came faster than they can be shown. Nothing is lost in the counts of the source."
        >
          {plural(missed, "message")} not shown
        </span>
      )}
    </>
  );
}

/** A text once nobody has typed for a moment. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
