/** Keeps a moving list still while the mouse is over it: rows stay where they are and are still kept current. */

import { type PointerEvent, useState } from "react";

interface Steady<T> {
  shown: readonly T[];
  /** How many new rows wait until the mouse leaves. */
  waiting: number;
  hold: {
    onPointerEnter: (event: PointerEvent) => void;
    onPointerLeave: () => void;
  };
}

export function steady<T extends { id: string }>(
  list: readonly T[],
  held: readonly T[] | null,
): Omit<Steady<T>, "hold"> {
  if (held === null) return { shown: list, waiting: 0 };
  const current = new Map(list.map((item) => [item.id, item]));
  const heldIds = new Set(held.map((item) => item.id));
  return {
    shown: held.map((item) => current.get(item.id) ?? item),
    waiting: list.filter((item) => !heldIds.has(item.id)).length,
  };
}

export function useSteadyList<T extends { id: string }>(list: readonly T[]): Steady<T> {
  const [held, setHeld] = useState<readonly T[] | null>(null);
  return {
    ...steady(list, held),
    hold: {
      // A finger has no hover, and a list that is still empty has nothing to keep.
      onPointerEnter: ({ pointerType }) => {
        if (pointerType === "mouse" && list.length > 0) setHeld(list);
      },
      onPointerLeave: () => setHeld(null),
    },
  };
}
