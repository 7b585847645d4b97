/** Who and what this page shows, and how fresh it is. */

import type { Hello } from "../client/types";
import { addressOf, type Place } from "../lib/route";
import type { Connection } from "../live/socket";
import type { Freshness } from "../live/useLiveFeed";
import { DataAge } from "./DataAge";
import { Icon } from "./Icon";
import { Link } from "./Link";

const MAIL = {
  outbox: {
    label: "Mail: local outbox",
    help: "Messages are kept on this machine and can be read here. Nothing leaves it.",
  },
  smtp: { label: "Mail: SMTP", help: "Messages are handed to a mail server and reach their recipients." },
};

interface Props {
  view: Place["view"];
  hello: Hello | null;
  connection: Connection;
  freshness: Freshness;
}

export function TopBar({ view, hello, connection, freshness }: Props) {
  return (
    <header className="top-bar">
      <h1 className="brand">
        <span className="brand-mark">
          <Icon name="pulse" size={18} />
        </span>
        CampaignIQ
        {hello && <span className="workspace">{hello.workspace}</span>}
      </h1>
      <nav className="pages" aria-label="Pages">
        <Link
          href={addressOf("overview")}
          aria-current={view === "overview" ? "page" : undefined}
          data-testid="nav-overview"
        >
          Overview
        </Link>
        <Link
          href={addressOf("sources")}
          aria-current={view === "overview" || view === "nowhere" ? undefined : "page"}
          data-testid="nav-sources"
        >
          Sources
        </Link>
      </nav>
      <div className="top-facts">
        {hello?.demo && (
          <a className="badge demo" href="/shop/" target="_blank" rel="noreferrer" data-testid="demo-link">
            Demo shop <Icon name="out" size={14} />
          </a>
        )}
        {hello && (
          <span
            className="badge"
            title={MAIL[hello.mail]?.help}
            data-testid="mail-mode"
            data-mode={hello.mail}
          >
            <Icon name="mail" size={14} /> {MAIL[hello.mail]?.label ?? hello.mail}
          </span>
        )}
        <DataAge connection={connection} freshness={freshness} />
      </div>
    </header>
  );
}
