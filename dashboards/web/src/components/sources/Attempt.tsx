/** What an attempt at one letter says: what would come out of it, or what still fails. */

import type { LetterAttempt } from "../../client/door";
import { plural, words } from "../../lib/format";
import { ATTEMPT_WORDS } from "../../lib/verdicts";
import { Icon } from "../Icon";
import { Json } from "../Json";

const GOOD = new Set(["would_replay", "replayed"]);

export function Attempt({ attempt }: { attempt: LetterAttempt }) {
  const { verdict, reason, field, code, event_count, events } = attempt;
  const { label, help } = ATTEMPT_WORDS[verdict] ?? { label: words(verdict), help: "" };
  const left = event_count - events.length;
  return (
    <section className="attempt" role="status" data-testid="attempt" data-verdict={verdict}>
      <p>
        <Icon name={GOOD.has(verdict) ? "check" : "alert"} size={16} /> <strong>{label}.</strong>{" "}
        {reason || help}
      </p>
      {verdict === "failed" && (field || code) && (
        <p className="soft small">
          {field && (
            <>
              at <code>{field}</code> ·{" "}
            </>
          )}
          <code>{code}</code>
        </p>
      )}
      {events.map((event) => (
        <details key={event.id} open={events.length === 1}>
          <summary>
            {words(event.name)} <span className="soft">{event.profile}</span>
          </summary>
          <Json text={JSON.stringify(event, null, 2)} label={`Event ${event.name}`} testId="attempt-event" />
        </details>
      ))}
      {left > 0 && <p className="soft small">and {plural(left, "more event")}</p>}
    </section>
  );
}
