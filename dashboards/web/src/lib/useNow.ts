/** The browser's time as state, from one timer per interval however many components show it. */

import { useSyncExternalStore } from "react";

interface Ticker {
  subscribe: (listener: () => void) => () => void;
  now: () => number;
}

function createTicker(intervalMs: number): Ticker {
  const listeners = new Set<() => void>();
  let timer: ReturnType<typeof setInterval> | undefined;
  let now = Date.now();
  const tick = (): void => {
    now = Date.now();
    for (const listener of listeners) listener();
  };
  return {
    now: () => now,
    subscribe: (listener) => {
      if (listeners.size === 0) {
        now = Date.now();
        timer = setInterval(tick, intervalMs);
      }
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) clearInterval(timer);
      };
    },
  };
}

const tickers = { second: createTicker(1000), quarter: createTicker(250) };

export function useNow(pace: keyof typeof tickers = "second"): number {
  const { subscribe, now } = tickers[pace];
  return useSyncExternalStore(subscribe, now, now);
}
