/** The frame of the pages that stand before the live page. */

import type { ReactNode } from "react";
import { Icon } from "./Icon";

interface Props {
  title: string;
  testId: string;
  state?: "calm" | "bad";
  children?: ReactNode;
}

export function Gate({ title, testId, state = "calm", children }: Props) {
  return (
    <main className="gate" data-testid={testId} data-state={state}>
      <div className="gate-card">
        <span className="brand-mark">
          <Icon name={state === "bad" ? "alert" : "pulse"} size={22} />
        </span>
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}
