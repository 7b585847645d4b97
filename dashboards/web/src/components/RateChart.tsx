/** Events per second over the last two minutes, one bar a second, moving with the clock. */

import type { RatePoint } from "../client/types";
import { rate } from "../lib/format";
import { useAtServerTime } from "../lib/serverTime";

const SECONDS = 120;
const HEIGHT = 100;

/** Path of bars on a grid of one unit a second; bars of nothing are left out. */
export function barsPath(rates: readonly RatePoint[], lastSecondMs: number, top: number): string {
  return rates
    .map(([at, events]) => ({ x: SECONDS - 1 - (lastSecondMs - at) / 1000, events }))
    .filter(({ x, events }) => x >= 0 && x < SECONDS && events > 0)
    .map(({ x, events }) => {
      const height = Math.max(2, (events / top) * HEIGHT);
      return `M${x + 0.12} ${HEIGHT}v-${height.toFixed(1)}h.76V${HEIGHT}z`;
    })
    .join("");
}

export function RateChart({ rates }: { rates: readonly RatePoint[] }) {
  const clockSecond = useAtServerTime((now) => Math.floor(now / 1000) * 1000);
  // The newest second may be ahead of this browser's idea of the server's clock.
  const lastSecond = Math.max(clockSecond, rates.at(-1)?.[0] ?? 0);
  const peak = Math.max(0, ...rates.map(([, events]) => events));
  return (
    <figure className="rate-chart" aria-label={`Events per second, last two minutes, peak ${rate(peak)}`}>
      <svg viewBox={`0 0 ${SECONDS} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <path d={barsPath(rates, lastSecond, Math.max(5, peak))} />
      </svg>
      <figcaption aria-hidden="true">
        <span>2 min ago</span>
        <span>peak {rate(peak)}/s</span>
        <span>now</span>
      </figcaption>
    </figure>
  );
}
