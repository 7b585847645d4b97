/** Events per second over the last two minutes, one bar a second, moving with the clock. */

import type { RatePoint } from "../client/types";
import { rate } from "../lib/format";
import { useAtServerTime } from "../lib/serverTime";

const SECONDS = 120;
const HEIGHT = 100;

/** A bar that leaves the chart is drawn broken, with a gap below its end. */
const CAP = 7;
const GAP = 5;

/** Path of bars on a grid of one unit a second; bars of nothing are left out, bars above `top` are drawn broken. */
export function barsPath(rates: readonly RatePoint[], lastSecondMs: number, top: number): string {
  return rates
    .map(([at, events]) => ({ x: SECONDS - 1 - (lastSecondMs - at) / 1000, events }))
    .filter(({ x, events }) => x >= 0 && x < SECONDS && events > 0)
    .map(({ x, events }) =>
      events > top ? brokenBar(x) : bar(x, HEIGHT, Math.max(2, (events / top) * HEIGHT)),
    )
    .join("");
}

const bar = (x: number, bottom: number, height: number): string =>
  `M${x + 0.12} ${bottom}v-${height.toFixed(1)}h.76V${bottom}z`;

const brokenBar = (x: number): string => bar(x, HEIGHT, HEIGHT - CAP - GAP) + bar(x, CAP, CAP);

/** The top of the chart: the peak, unless a few seconds of it would flatten all the rest. */
export function chartTop(rates: readonly RatePoint[]): number {
  const sorted = rates.map(([, events]) => events).sort((a, b) => a - b);
  const peak = sorted.at(-1) ?? 0;
  const usual = sorted[Math.floor(sorted.length * 0.95)] ?? 0;
  return Math.max(5, Math.min(peak, usual * 3));
}

export function RateChart({ rates }: { rates: readonly RatePoint[] }) {
  const clockSecond = useAtServerTime((now) => Math.floor(now / 1000) * 1000);
  // The second that runs has no figure yet; the newest one may be ahead of this browser's idea of the server's clock.
  const lastSecond = Math.max(clockSecond - 1000, rates.at(-1)?.[0] ?? 0);
  const peak = Math.max(0, ...rates.map(([, events]) => events));
  return (
    <figure className="rate-chart" aria-label={`Events per second, last two minutes, peak ${rate(peak)}`}>
      <svg viewBox={`0 0 ${SECONDS} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <path d={barsPath(rates, lastSecond, chartTop(rates))} />
      </svg>
      <figcaption aria-hidden="true">
        <span>2 min ago</span>
        <span>peak {rate(peak)}/s</span>
        <span>now</span>
      </figcaption>
    </figure>
  );
}
