/** One delivery: where it stands, how long each step took, and the message itself from the local outbox. */

import { useState } from "react";
import type { Delivery, OutboxMessage } from "../client/types";
import { words } from "../lib/format";
import { channelLabel, statusHelp } from "../lib/labels";
import { delay, exactClockTime, fullTime } from "../lib/time";
import { useDelivery } from "../queries/useDelivery";
import { EmptyState, Unread } from "./EmptyState";
import { Modal } from "./Modal";
import { Segmented } from "./Segmented";
import { StatusPill } from "./StatusPill";

export function DeliverySheet({ id, onClose }: { id: string; onClose: () => void }) {
  const { data, error } = useDelivery(id);
  return (
    <Modal label="Message" shape="sheet" testId="delivery-dialog" onClose={onClose}>
      {data ? (
        <>
          <DeliveryHead delivery={data} />
          {data.message ? <Message message={data.message} /> : <NoMessage delivery={data} />}
        </>
      ) : (
        <Unread icon="mail" what="This delivery" error={error} />
      )}
    </Modal>
  );
}

function DeliveryHead({ delivery }: { delivery: Delivery }) {
  const { subject, channel, recipient, campaign, status, reason, attempts } = delivery;
  return (
    <header className="sheet-head" data-status={status}>
      <h2>{subject || words(campaign)}</h2>
      <p className="sheet-facts">
        <StatusPill status={status} />
        <span>
          {channelLabel(channel)} to <strong>{recipient || "—"}</strong>
        </span>
        <span className="soft">{words(campaign)}</span>
        {attempts > 1 && <span className="soft">{attempts} attempts</span>}
      </p>
      {(reason || statusHelp(status)) && (
        <p className="reason" data-testid="delivery-reason">
          {[reason && words(reason), statusHelp(status)].filter(Boolean).join(" — ")}
        </p>
      )}
      <Timeline delivery={delivery} />
    </header>
  );
}

function Timeline({ delivery }: { delivery: Delivery }) {
  const { due_ms, created_ms, finished_ms } = delivery;
  return (
    <ol className="timeline">
      <li title={fullTime(due_ms)}>
        Due <strong>{exactClockTime(due_ms)}</strong>
      </li>
      <li title={fullTime(created_ms)}>
        Queued <strong>+{delay(created_ms - due_ms)}</strong>
      </li>
      {finished_ms !== null && (
        <li title={fullTime(finished_ms)}>
          Finished <strong>+{delay(finished_ms - due_ms)}</strong>
        </li>
      )}
    </ol>
  );
}

function NoMessage({ delivery: { status } }: { delivery: Delivery }) {
  const gone = status === "sent" || status === "uncertain";
  return (
    <EmptyState icon="mail" title={gone ? "The message is not kept here" : "No message has been made"}>
      {gone && "Only the local outbox keeps messages. This one was handed to a mail server."}
    </EmptyState>
  );
}

const VIEWS = [
  { value: "html", label: "As seen", testId: "message-html" },
  { value: "text", label: "Text", testId: "message-text" },
] as const;

function Message({ message }: { message: OutboxMessage }) {
  const [view, setView] = useState<(typeof VIEWS)[number]["value"]>("html");
  return (
    <div className="message">
      <div className="message-bar">
        <span className="soft small truncate">
          From {message.from} to {message.to}
        </span>
        <Segmented label="How to show it" shape="small" choices={VIEWS} value={view} onChange={setView} />
      </div>
      {view === "html" ? (
        // The sandbox allows nothing: no script, no form, no navigation away. Links do nothing in this preview.
        <iframe
          title="Message"
          sandbox=""
          srcDoc={`<base target="_blank">${message.html}`}
          data-testid="message-frame"
        />
      ) : (
        <pre data-testid="message-body">{message.text}</pre>
      )}
    </div>
  );
}
