/** The few line icons of the page. Decoration only: the words beside them carry the meaning. */

const PATHS = {
  pulse: "M2 12h4l3-8 5 15 3-9 2 2h3",
  cart: "M3 4h2l2.4 10.5h9.8L20 7H6.2M9 19.5h.01M16.5 19.5h.01",
  mail: "M3.5 6h17v12h-17zM4 6.5l8 6.5 8-6.5",
  up: "M12 19V5M6 11l6-6 6 6",
  down: "M12 5v14M6 13l6 6 6-6",
  star: "M12 3.5l2.6 5.4 5.9.8-4.3 4.1 1 5.9-5.2-2.8-5.2 2.8 1-5.9-4.3-4.1 5.9-.8z",
  alert: "M12 4L2.8 19.5h18.4zM12 10v4.5M12 17.3v.01",
  check: "M5 12.5l4.5 4.5L19 7.5",
  cross: "M6 6l12 12M18 6L6 18",
  retry: "M19 12a7 7 0 1 1-2.3-5.2M19 3.5v4h-4",
  question: "M9 9a3 3 0 1 1 4.4 2.7c-1 .5-1.4 1.2-1.4 2.3M12 17.5v.01",
  clock: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 7.5V12l3 2",
  pause: "M9 6v12M15 6v12",
  send: "M4 12l16-8-6 16-3-6.5zM11 13.5L20 4",
  out: "M8 16l8-8M9.5 8H16v6.5",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20 20",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  plus: "M12 5v14M5 12h14",
  play: "M8 5.5v13l10.5-6.5z",
  chevron: "M9 5.5l6.5 6.5L9 18.5",
  disk: "M4 7c0-4 16-4 16 0v10c0 4-16 4-16 0zM4 7c0 4 16 4 16 0M4 12c0 4 16 4 16 0",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
