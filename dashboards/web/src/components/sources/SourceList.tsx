/** All sources: how each fares now, its key, and its policy in a few words. */

import type { LetterSummary, Source } from "../../client/door";
import { lately, type Sample } from "../../lib/door";
import { useSourceActivity } from "../../queries/useDoor";
import { SourceCard } from "./SourceCard";

interface Props {
  sources: readonly Source[];
  samples: readonly Sample[];
  waiting: LetterSummary | null;
}

export function SourceList({ sources, samples, waiting }: Props) {
  const { data: activity } = useSourceActivity();
  const tallies = samples.at(-1)?.report.sources;
  return (
    <ul className="source-list" aria-label="Sources" data-testid="source-list">
      {sources.map((source) => (
        <SourceCard
          key={source.id}
          source={source}
          tally={tallies?.[source.id]}
          recent={lately(samples, source.id)}
          activity={activity}
          letters={lettersOf(waiting, source.id)}
        />
      ))}
    </ul>
  );
}

const lettersOf = (summary: LetterSummary | null, source: string): number =>
  summary?.groups.reduce((sum, group) => sum + (group.source === source ? group.letters : 0), 0) ?? 0;
