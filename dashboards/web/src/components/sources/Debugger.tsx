/** What one source sends and what becomes of each message, live. Stands still while somebody reads. */

import { type ReactNode, useEffect, useState } from "react";
import { type Source, VERDICTS, type Verdict } from "../../client/door";
import { count, plural } from "../../lib/format";
import { addressOf, goTo } from "../../lib/route";
import { VERDICT_WORDS } from "../../lib/verdicts";
import { type NotedState, newSince, shownOf } from "../../live/noted";
import { useDebugger } from "../../live/useDebugger";
import { EmptyState } from "../EmptyState";
import { Icon } from "../Icon";
import { NotedRow } from "./NotedRow";
import { SourcePicker } from "./SourcePicker";

const SHOWN = 200;
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

  const toggle = (seq: number): void => {
    // The list must not run away under who reads.
    if (!opened.has(seq)) pause();
    setOpened((before) => (before.has(seq) ? without(before, seq) : new Set(before).add(seq)));
  };
  return (
    <section
      className="panel stream"
      aria-label={`Live messages of ${source}`}
      data-testid="stream"
      data-connection={connection}
    >
      <header className="stream-head">
        <SourcePicker sources={sources} value={source} onChange={(next) => ask({ source: next })} />
        <label className="search">
          <Icon name="search" size={15} />
          <span className="visually-hidden">Only messages with this text</span>
          <input
            type="search"
            placeholder="Text in any part"
            maxLength={200}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        </label>
        <div className="button-row push">
          <button
            type="button"
            className="button"
            data-tone={paused ? "solid" : "plain"}
            aria-pressed={paused}
            data-testid="pause"
            onClick={paused ? resume : pause}
          >
            <Icon name={paused ? "play" : "pause"} size={14} /> {paused ? "Resume" : "Pause"}
          </button>
          <button
            type="button"
            className="button"
            onClick={() => {
              clear();
              resume();
            }}
          >
            Clear
          </button>
        </div>
      </header>
      <Verdicts state={state} wanted={wanted} onChange={(verdict) => ask({ verdict })} />
      <p className="stream-note" role="status" data-testid="stream-note">
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

interface VerdictsProps {
  state: NotedState;
  wanted: ReadonlySet<string>;
  onChange: (verdict: string) => void;
}

function Verdicts({ state, wanted, onChange }: VerdictsProps) {
  const toggled = (verdict: Verdict): string => {
    const next = VERDICTS.filter((one) => wanted.has(one) !== (one === verdict));
    return next.length === VERDICTS.length ? "" : next.join(",");
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would lay it out differently and means no more
    <div className="verdict-filter" role="group" aria-label="Verdicts to show; none chosen shows all">
      {VERDICTS.map((verdict) => (
        <button
          key={verdict}
          type="button"
          aria-pressed={wanted.has(verdict)}
          title={VERDICT_WORDS[verdict].help}
          data-verdict={verdict}
          data-testid={`verdict-${verdict}`}
          onClick={() => onChange(toggled(verdict))}
        >
          <span className="verdict-dot" aria-hidden="true" />
          {VERDICT_WORDS[verdict].label} <strong>{count(state.counts[verdict])}</strong>
        </button>
      ))}
    </div>
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

/** Keeps the picture while paused, or while the mouse is over it; what comes meanwhile is counted. */
function useHeld(state: NotedState, wanted: ReadonlySet<string>, text: string) {
  const [held, setHeld] = useState<NotedState | null>(null);
  const [paused, setPaused] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another text begins another list
  useEffect(() => {
    setHeld(null);
    setPaused(false);
  }, [text]);
  const picture = held ?? state;
  return {
    shown: shownOf(picture, wanted, SHOWN),
    waiting: newSince(picture, state, wanted),
    paused,
    pause: () => {
      setPaused(true);
      setHeld((before) => before ?? state);
    },
    resume: () => {
      setPaused(false);
      setHeld(null);
    },
    hover: {
      onPointerEnter: ({ pointerType }: { pointerType: string }) => {
        if (pointerType === "mouse") setHeld((before) => before ?? state);
      },
      onPointerLeave: () => {
        if (!paused) setHeld(null);
      },
    },
  };
}
