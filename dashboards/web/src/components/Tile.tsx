/** The frame of one figure: a label, a large number, and what it needs to be understood. */

import type { ReactNode } from "react";

interface Props {
  testId: string;
  label: string;
  /** Null while nothing is known yet. */
  value: string | null;
  /** The bare number, for those who read the page by machine. */
  raw?: number | undefined;
  unit?: string;
  wide?: boolean;
  children?: ReactNode;
}

export function Tile({ testId, label, value, raw, unit, wide = false, children }: Props) {
  return (
    <section className={wide ? "tile wide" : "tile"} data-testid={testId} data-value={raw} aria-label={label}>
      <div className="tile-head">
        <h2>{label}</h2>
        <p className="figure" aria-busy={value === null}>
          {value ?? <span className="skeleton" />}
          {value !== null && unit && <small>{unit}</small>}
        </p>
      </div>
      <div className="tile-foot">{children}</div>
    </section>
  );
}
