/** Where a delivery stands: word, icon and colour. */

import type { DeliveryStatus } from "../client/types";
import { statusHelp, statusLabel } from "../lib/labels";
import { Icon, type IconName } from "./Icon";

const ICONS: Record<DeliveryStatus, IconName> = {
  pending: "clock",
  claimed: "send",
  retrying: "retry",
  sent: "check",
  failed: "cross",
  skipped: "pause",
  uncertain: "question",
};

export function StatusPill({ status }: { status: DeliveryStatus }) {
  return (
    <span className="status" data-status={status} title={statusHelp(status) || undefined}>
      <Icon name={ICONS[status] ?? "clock"} size={13} />
      {statusLabel(status)}
    </span>
  );
}
