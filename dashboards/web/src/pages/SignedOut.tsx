/** How to sign in: the link is in the terminal. The page goes on by itself once this browser is signed in. */

import { Gate } from "../components/Gate";

export function SignedOut() {
  return (
    <Gate title="Sign in to CampaignIQ" testId="signed-out">
      <p>Open the sign-in link printed in the terminal where CampaignIQ started. It works once.</p>
      <p>Used it already, or lost it? Print a new one:</p>
      <pre className="command">campaigniq sign-in</pre>
      <p className="soft">This page goes on by itself as soon as this browser is signed in.</p>
    </Gate>
  );
}
