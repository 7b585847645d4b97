/** The front door's report with the samples of the last minute, the sources, and the dead letters that wait. */

import { useEffect, useState } from "react";
import type {
  DoorReport,
  LetterDetail,
  LetterPage,
  LetterSummary,
  SchemaList,
  SchemaNote,
  SourceList,
} from "../client/door";
import { withParams } from "../client/http";
import { type Sample, withSample } from "../lib/door";
import { versionsPath } from "../lib/schemas";
import type { EventMetrics } from "./useEventMetrics";
import { type Query, useQuery } from "./useQuery";

const REPORT_MS = 2500;

export interface Door extends Query<DoorReport> {
  samples: readonly Sample[];
}

export function useDoor(): Door {
  const report = useQuery<DoorReport>("/api/ingest", { refreshMs: REPORT_MS });
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  const { data } = report;
  useEffect(() => {
    if (data) setSamples((before) => withSample(before, { atMs: Date.now(), report: data }));
  }, [data]);
  return { ...report, samples };
}

/** A higher `edition` reads again at once. */
export const useSources = (edition: number): Query<SourceList> =>
  useQuery<SourceList>("/api/sources", { refreshMs: 5000, edition });

export const useSchemas = (edition: number): Query<SchemaList> =>
  useQuery<SchemaList>("/api/event-schemas", { refreshMs: 5000, edition });

/** Newest first. */
export const useSchemaVersions = (note: SchemaNote): Query<SchemaList> =>
  useQuery<SchemaList>(versionsPath(note.event, note.source));

export const useWaitingLetters = (edition: number): Query<LetterSummary> =>
  useQuery<LetterSummary>("/api/dead-letters/summary?state=new", { refreshMs: 5000, edition });

export type LetterQuery = Record<string, string>;

export const useLetterSummary = (asked: LetterQuery, edition: number): Query<LetterSummary> =>
  useQuery<LetterSummary>(withParams("/api/dead-letters/summary", asked), {
    refreshMs: 5000,
    keepPrevious: true,
    edition,
  });

export const useLetters = (asked: LetterQuery, after: string, edition: number): Query<LetterPage> =>
  useQuery<LetterPage>(withParams("/api/dead-letters", { ...asked, after, limit: 50 }), {
    refreshMs: 5000,
    keepPrevious: true,
    edition,
  });

export const useLetter = (id: string, maxBytes: number, edition: number): Query<LetterDetail> =>
  useQuery<LetterDetail>(withParams(`/api/dead-letters/${encodeURIComponent(id)}`, { max_bytes: maxBytes }), {
    edition,
  });

/** Events of the last half hour by source and minute. */
export const useSourceActivity = (): Query<EventMetrics> =>
  useQuery<EventMetrics>("/api/metrics/events?group_by=source&step_ms=60000", { refreshMs: 10_000 });
