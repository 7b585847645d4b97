/** For an address that no page has. */

import { EmptyState } from "../components/EmptyState";
import { Link } from "../components/Link";
import { addressOf } from "../lib/route";

export const Nowhere = () => (
  <main className="overview" data-testid="nowhere">
    <section className="panel">
      <EmptyState icon="question" title="There is no page at this address">
        <Link href={addressOf("overview")}>Go to the live page</Link>
      </EmptyState>
    </section>
  </main>
);
