/** What became of a message: word and colour. */

import type { Verdict } from "../../client/door";
import { VERDICT_WORDS } from "../../lib/verdicts";

export function VerdictPill({ verdict }: { verdict: Verdict }) {
  const { label, help } = VERDICT_WORDS[verdict] ?? { label: verdict, help: "" };
  return (
    <span className="verdict" data-verdict={verdict} title={help}>
      {label}
    </span>
  );
}
