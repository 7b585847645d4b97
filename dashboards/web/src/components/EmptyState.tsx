/** What a panel says when it has nothing to show, or nothing yet. */

import type { ReactNode } from "react";
import type { ApiError } from "../client/http";
import { Icon, type IconName } from "./Icon";

export function EmptyState({
  icon,
  title,
  children,
}: {
  icon: IconName;
  title: string;
  children?: ReactNode;
}) {
  return (
    <div className="empty">
      <Icon name={icon} size={22} />
      <p className="empty-title">{title}</p>
      {children && <p>{children}</p>}
    </div>
  );
}

interface UnreadProps {
  icon: IconName;
  /** The beginning of a sentence. */
  what: string;
  error: ApiError | null;
}

/** While the answer is on its way, and when there is none. */
export const Unread = ({ icon, what, error }: UnreadProps) => (
  <EmptyState icon={icon} title={error ? `${what} could not be read` : "Reading…"}>
    {error?.message}
  </EmptyState>
);
