/** How a source fares: word, icon and colour. */

import type { Health, HealthWords } from "../../lib/door";
import { Icon, type IconName } from "../Icon";

const ICONS: Record<Health, IconName> = {
  off: "pause",
  unknown: "clock",
  new: "clock",
  quiet: "clock",
  well: "check",
  troubled: "alert",
  refused: "alert",
};

export function HealthPill({ words }: { words: HealthWords }) {
  return (
    <span className="status" data-health={words.health} title={words.help || undefined}>
      <Icon name={ICONS[words.health]} size={13} />
      {words.label}
    </span>
  );
}
