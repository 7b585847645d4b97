/** Keeps the picture of a stream while paused, or while the mouse is over it; what comes meanwhile is counted. */

import { useCallback, useEffect, useRef, useState } from "react";
import { type NotedState, newSince, shownOf } from "../../live/noted";

const SHOWN = 200;

export function useHeld(state: NotedState, wanted: ReadonlySet<string>, text: string) {
  const [held, setHeld] = useState<NotedState | null>(null);
  const [paused, setPaused] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another text begins another list
  useEffect(() => {
    setHeld(null);
    setPaused(false);
  }, [text]);
  const latest = useRef(state);
  latest.current = state;
  const pause = useCallback(() => {
    setPaused(true);
    setHeld((before) => before ?? latest.current);
  }, []);
  const picture = held ?? state;
  return {
    shown: shownOf(picture, wanted, SHOWN),
    waiting: newSince(picture, state, wanted),
    paused,
    pause,
    resume: () => {
      setPaused(false);
      setHeld(null);
    },
    hover: {
      onPointerEnter: ({ pointerType }: { pointerType: string }) => {
        if (pointerType === "mouse") setHeld((before) => before ?? state);
      },
      onPointerLeave: () => {
        if (!paused) setHeld(null);
      },
    },
  };
}
