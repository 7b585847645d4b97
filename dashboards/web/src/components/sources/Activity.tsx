/** A source's last hour, a bar a minute. Decoration beside its rate: the figures stand in words. */

interface Props {
  points: readonly (readonly [atMs: number, events: number, value: number])[];
  nowMs: number;
}

const MINUTES = 60;
const MINUTE_MS = 60_000;

export function bars(points: Props["points"], nowMs: number): number[] {
  const end = Math.floor(nowMs / MINUTE_MS);
  const heights = Array<number>(MINUTES).fill(0);
  for (const [atMs, events] of points) {
    const place = MINUTES - 1 - (end - Math.floor(atMs / MINUTE_MS));
    if (place >= 0 && place < MINUTES) heights[place] = (heights[place] ?? 0) + events;
  }
  return heights;
}

/** Events of the last whole minute. */
export const lastMinute = (points: Props["points"], nowMs: number): number => bars(points, nowMs).at(-2) ?? 0;

export function Activity({ points, nowMs }: Props) {
  const heights = bars(points, nowMs);
  const most = Math.max(1, ...heights);
  return (
    <svg className="activity" viewBox={`0 0 ${MINUTES} 20`} preserveAspectRatio="none" aria-hidden="true">
      <title>Events by minute, the last hour</title>
      {heights.map((events, minute) => {
        const height = events > 0 ? Math.max(1, (events / most) * 20) : 0.6;
        return (
          <rect
            // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its place
            key={minute}
            x={minute + 0.12}
            width={0.76}
            y={20 - height}
            height={height}
            data-empty={events === 0}
          />
        );
      })}
    </svg>
  );
}
