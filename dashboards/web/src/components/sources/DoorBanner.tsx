/** Whether the front door takes events, in words; loud when it does not. */

import type { DoorReport } from "../../client/door";
import type { ApiError } from "../../client/http";
import { doorWords, refusedLately, type Sample } from "../../lib/door";
import { Icon } from "../Icon";

interface Props {
  report: DoorReport | null;
  samples: readonly Sample[];
  error: ApiError | null;
}

export function DoorBanner({ report, samples, error }: Props) {
  if (error && error.status === 404) {
    return (
      <p className="door" data-testid="door" data-state="elsewhere">
        <Icon name="question" size={15} /> This process has no front door; `campaigniq ingest` runs elsewhere.
      </p>
    );
  }
  if (!report) {
    return (
      <p className="door" data-testid="door" data-state="unknown">
        <Icon name="clock" size={15} /> {error ? error.message : "Asking the front door…"}
      </p>
    );
  }
  const { state, title, text } = doorWords(report, refusedLately(samples));
  return (
    <section
      className="door"
      aria-label="The front door"
      aria-live={state === "ready" ? "off" : "polite"}
      data-testid="door"
      data-state={state}
      data-stale={error !== null}
    >
      <Icon
        name={state === "ready" ? "check" : state === "spooling" ? "disk" : "alert"}
        size={state === "ready" ? 15 : 20}
      />
      <p>
        <strong className="door-title">{title}</strong> {text}
      </p>
    </section>
  );
}
