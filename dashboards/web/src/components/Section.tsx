/** A titled part of a drawer or sheet. */

import type { ReactNode } from "react";

export function Section({
  title,
  aside,
  children,
}: {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className="drawer-section">
      <h3>
        {title} {aside && <span className="panel-note">{aside}</span>}
      </h3>
      {children}
    </section>
  );
}
