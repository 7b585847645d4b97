/** Events by name over a span of time that ends now. */

import { useContext, useEffect, useState } from "react";
import { withParams } from "../client/http";
import type { Series } from "../client/types";
import { ClockSkew } from "../lib/serverTime";
import { type Query, useQuery } from "./useQuery";

const REFRESH_MS = 10_000;
const YOUNG_MS = 10 * 60_000;

export interface Span {
  label: string;
  minutes: number;
  step_ms: number;
}

export interface EventMetrics {
  step_ms: number;
  series: Series[];
}

export interface MetricsWindow {
  startMs: number;
  stopMs: number;
  stepMs: number;
}

/** The buckets shown at `now`: the last one is still filling. */
export function windowAt(now: number, { minutes, step_ms }: Span): MetricsWindow {
  const stopMs = (Math.floor(now / step_ms) + 1) * step_ms;
  return { startMs: stopMs - minutes * 60_000, stopMs, stepMs: step_ms };
}

/** Whether the workspace has nothing older than a few minutes, judged once; null until that is known. */
export function useIsYoung(): boolean | null {
  const serverNow = useContext(ClockSkew) + Date.now();
  const [{ startMs, stopMs, stepMs }] = useState(() =>
    windowAt(serverNow, { label: "", minutes: 60, step_ms: YOUNG_MS }),
  );
  const { data } = useQuery<EventMetrics>(
    withParams("/api/metrics/events", {
      start_ms: startMs,
      stop_ms: stopMs,
      step_ms: stepMs,
      group_by: "event",
    }),
  );
  if (data === null) return null;
  return data.series.every(({ points }) => points.every(([at]) => at >= stopMs - 2 * YOUNG_MS));
}

export function useEventMetrics(span: Span): Query<EventMetrics> & { window: MetricsWindow } {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const window = windowAt(now + useContext(ClockSkew), span);
  const path = withParams("/api/metrics/events", {
    start_ms: window.startMs,
    stop_ms: window.stopMs,
    step_ms: window.stepMs,
    group_by: "event",
  });
  return { ...useQuery<EventMetrics>(path, { refreshMs: REFRESH_MS, keepPrevious: true }), window };
}
