/** Events by name over time, stacked. The legend is the read-out: it shows the column under the pointer. */

import { useMemo, useState } from "react";
import { count, words } from "../lib/format";
import { niceTop, OTHER, type Stack, stackColumns } from "../lib/stack";
import { clockTime, exactClockTime } from "../lib/time";
import { type MetricsWindow, type Span, useEventMetrics, useIsYoung } from "../queries/useEventMetrics";
import { EmptyState } from "./EmptyState";
import { Segmented } from "./Segmented";

const HOUR: Span = { label: "1 h", minutes: 60, step_ms: 60_000 };
const MINUTES: Span = { label: "10 min", minutes: 10, step_ms: 10_000 };
const SPANS: Span[] = [MINUTES, HOUR, { label: "24 h", minutes: 24 * 60, step_ms: 20 * 60_000 }];
const GROUPS = 6;

export function EventsChart() {
  const [chosen, setChosen] = useState<Span | null>(null);
  // An hour of which all but the last minutes is empty tells little.
  const isYoung = useIsYoung();
  const span = chosen ?? (isYoung ? MINUTES : HOUR);
  const [column, setColumn] = useState<number | null>(null);
  const { data, error, window } = useEventMetrics(span);
  const stack = useMemo(() => stackColumns(data?.series ?? [], window, GROUPS), [data, window]);
  return (
    <section className="panel chart-panel" data-testid="chart-events" aria-label="Events by name">
      <header className="panel-head">
        <h2>Events by name</h2>
        <Segmented
          label="Time to show"
          shape="small"
          choices={SPANS.map(({ label }) => ({ value: label, label }))}
          value={span.label}
          onChange={(label) => setChosen(SPANS.find((one) => one.label === label) ?? null)}
        />
      </header>
      {stack.max === 0 ? (
        <EmptyState icon="pulse" title={error ? "The chart could not be read" : "No events in this time"}>
          {error ? error.message : "Columns grow here as events come in."}
        </EmptyState>
      ) : (
        <>
          <Columns stack={stack} window={window} column={column} onColumn={setColumn} />
          <Legend stack={stack} column={column} stepMs={window.stepMs} />
        </>
      )}
    </section>
  );
}

interface ColumnsProps {
  stack: Stack;
  window: MetricsWindow;
  column: number | null;
  onColumn: (column: number | null) => void;
}

function Columns({ stack, window, column, onColumn }: ColumnsProps) {
  const length = stack.columns.length;
  const top = niceTop(stack.max);
  const times = [0, 0.25, 0.5, 0.75, 1].map(
    (part) => window.startMs + part * (window.stopMs - window.startMs),
  );
  return (
    <div
      className="columns"
      role="img"
      aria-label={`Stacked columns, at most ${count(stack.max)} events each`}
    >
      <div className="axis-y" aria-hidden="true">
        {[top, top / 2, 0].map((value) => (
          <span key={value}>{count(value)}</span>
        ))}
      </div>
      <svg
        viewBox={`0 0 ${length} ${top}`}
        preserveAspectRatio="none"
        aria-hidden="true"
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          const at = Math.floor(((event.clientX - box.left) / box.width) * length);
          onColumn(Math.min(length - 1, Math.max(0, at)));
        }}
        onPointerLeave={() => onColumn(null)}
      >
        {[0, top / 2, top].map((value) => (
          <line key={value} className="grid" x1={0} x2={length} y1={value} y2={value} />
        ))}
        {column !== null && <rect className="cursor" x={column} y={0} width={1} height={top} />}
        {stack.groups.map(({ name }, group) => (
          <path
            key={name}
            className="layer"
            data-layer={layerOf(name, group)}
            d={layerPath(stack, group, top)}
          />
        ))}
      </svg>
      <div className="axis-x" aria-hidden="true">
        {times.map((at, i) => (
          <span key={at}>{i === times.length - 1 ? "now" : clockTime(at)}</span>
        ))}
      </div>
    </div>
  );
}

const layerOf = (name: string, index: number): string => (name === OTHER ? OTHER : String(index));

/** All pieces of one group as one path, each standing on the groups before it. */
function layerPath(stack: Stack, group: number, top: number): string {
  return stack.columns
    .map(({ counts }, x) => {
      const height = counts[group] ?? 0;
      if (height === 0) return "";
      const below = counts.slice(0, group).reduce((sum, n) => sum + n, 0);
      return `M${x + 0.1} ${top - below}v${-height}h.8v${height}z`;
    })
    .join("");
}

function Legend({ stack, column, stepMs }: { stack: Stack; column: number | null; stepMs: number }) {
  const at = column === null ? undefined : stack.columns[column];
  const time = stepMs < 60_000 ? exactClockTime : clockTime;
  return (
    <div className="legend">
      <p className="legend-time">
        {at ? time(at.startMs) : "All"}
        <strong>{count(at ? at.total : stack.groups.reduce((sum, { total }) => sum + total, 0))}</strong>
      </p>
      <ul>
        {stack.groups.map(({ name, total }, group) => (
          <li key={name} data-name={name}>
            <span className="swatch" data-layer={layerOf(name, group)} />
            <span className="truncate">{words(name)}</span>
            <strong>{count(at ? (at.counts[group] ?? 0) : total)}</strong>
          </li>
        ))}
      </ul>
    </div>
  );
}
