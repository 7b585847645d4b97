/** Things that change with time alone, from one timer per pace however many components show them. */

import { useSyncExternalStore } from "react";

interface Ticker {
  subscribe: (listener: () => void) => () => void;
  now: () => number;
}

function createTicker(intervalMs: number): Ticker {
  const listeners = new Set<() => void>();
  let timer: ReturnType<typeof setInterval> | undefined;
  let now: number | undefined;
  const tick = (): void => {
    now = Date.now();
    for (const listener of listeners) listener();
  };
  return {
    now: () => {
      now ??= Date.now();
      return now;
    },
    subscribe: (listener) => {
      if (listeners.size === 0) timer = setInterval(tick, intervalMs);
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        clearInterval(timer);
        now = undefined;
      };
    },
  };
}

const tickers = { second: createTicker(1000), quarter: createTicker(250) };

/** What `read` makes of the browser's time. Renders again only when that changes, so return a word or a number. */
export function useAtTime<T extends string | number | boolean>(
  pace: keyof typeof tickers,
  read: (nowMs: number) => T,
): T {
  const { subscribe, now } = tickers[pace];
  const snapshot = (): T => read(now());
  return useSyncExternalStore(subscribe, snapshot, snapshot);
}
