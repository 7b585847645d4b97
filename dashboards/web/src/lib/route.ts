/** Addresses of the page's views: what each means, how it is written, and how the page goes there. */

import { useSyncExternalStore } from "react";

export type View = "overview" | "sources" | "live" | "letters";

const PATHS: Record<View, string> = {
  overview: "/",
  sources: "/sources",
  live: "/sources/live",
  letters: "/sources/dead-letters",
};

export interface Place {
  view: View | "nowhere";
  /** What the address asks for, without what is empty. */
  asked: Record<string, string>;
}

export function placeOf(pathname: string, search: string): Place {
  const bare = pathname.replace(/\/+$/, "") || "/";
  const found = (Object.keys(PATHS) as View[]).find((view) => PATHS[view] === bare);
  const asked = [...new URLSearchParams(search)].filter(([, value]) => value !== "");
  return { view: found ?? "nowhere", asked: Object.fromEntries(asked) };
}

export function addressOf(view: View, asked: Record<string, string | undefined> = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(asked)) {
    if (value) query.set(name, value);
  }
  const text = query.toString();
  return text ? `${PATHS[view]}?${text}` : PATHS[view];
}

const MOVED = "campaigniq:moved";

/** `replace` is for what is no step of its own, so that Back leads to where the reader came from. */
export function goTo(address: string, { replace = false } = {}): void {
  if (address === window.location.pathname + window.location.search) return;
  const elsewhere = address.split("?")[0] !== window.location.pathname;
  window.history[replace ? "replaceState" : "pushState"](null, "", address);
  window.dispatchEvent(new Event(MOVED));
  if (elsewhere) window.scrollTo(0, 0);
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("popstate", listener);
  window.addEventListener(MOVED, listener);
  return () => {
    window.removeEventListener("popstate", listener);
    window.removeEventListener(MOVED, listener);
  };
}

let last: { text: string; place: Place } | null = null;

/** One object as long as the address stays. */
function currentPlace(): Place {
  const { pathname, search } = window.location;
  if (last?.text !== pathname + search) last = { text: pathname + search, place: placeOf(pathname, search) };
  return last.place;
}

export const usePlace = (): Place => useSyncExternalStore(subscribe, currentPlace);
