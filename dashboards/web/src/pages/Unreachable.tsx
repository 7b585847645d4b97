/** CampaignIQ does not answer at all. */

import { Gate } from "../components/Gate";

export function Unreachable() {
  return (
    <Gate title="CampaignIQ does not answer" testId="unreachable" state="bad">
      <p>It may be starting, or it has stopped. Look at the terminal where it runs, or start it:</p>
      <pre className="command">campaigniq up</pre>
      <p className="soft">Trying again every few seconds…</p>
    </Gate>
  );
}
