/** The frame of one live column. */

import { type ComponentProps, type ReactNode, useId } from "react";

interface Props {
  testId: string;
  title: string;
  note?: ReactNode;
  active: boolean;
  hold?: Pick<ComponentProps<"section">, "onPointerEnter" | "onPointerLeave">;
  children: ReactNode;
}

export function Feed({ testId, title, note, active, hold, children }: Props) {
  const id = useId();
  return (
    <div className="panel feed" data-testid={testId} data-active={active}>
      <header className="panel-head">
        <h2 id={id}>{title}</h2>
        {note && <span className="panel-note">{note}</span>}
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region needs focus to be scrolled by keys */}
      <section className="feed-scroll" tabIndex={0} aria-labelledby={id} {...hold}>
        {children}
      </section>
    </div>
  );
}

export function PausedNote({ waiting }: { waiting: number }) {
  return waiting > 0 ? <span className="paused">held while you look · {waiting} new</span> : null;
}
