/** Chooses the page by whether this browser may see the workspace. */

import { Gate } from "./components/Gate";
import { SignedIn } from "./pages/SignedIn";
import { SignedOut } from "./pages/SignedOut";
import { Unreachable } from "./pages/Unreachable";
import { useSession } from "./queries/useSession";

export function App() {
  const session = useSession();
  switch (session) {
    case "signed-in":
      return <SignedIn />;
    case "signed-out":
      return <SignedOut />;
    case "unreachable":
      return <Unreachable />;
    case "checking":
      return <Gate title="Opening the live page…" testId="loading" />;
  }
}
