/** Reads one address and keeps the answer fresh; keeps the last good answer while reading again or failing. */

import { useEffect, useState } from "react";
import { type ApiError, asApiError, getJson } from "../client/http";

export interface Query<T> {
  data: T | null;
  error: ApiError | null;
}

interface Answer<T> extends Query<T> {
  path: string | null;
}

interface Options {
  /** Read again after this time; not while the page is hidden. Without it the address is read once. */
  refreshMs?: number;
  /** Show the answer of the previous address until the new one has answered. */
  keepPrevious?: boolean;
  /** Another number reads again at once. */
  edition?: number;
}

/** A null path reads nothing. */
export function useQuery<T>(
  path: string | null,
  { refreshMs, keepPrevious = false, edition = 0 }: Options = {},
): Query<T> {
  const [answer, setAnswer] = useState<Answer<T>>({ path: null, data: null, error: null });

  // biome-ignore lint/correctness/useExhaustiveDependencies: another edition of the same address is read anew
  useEffect(() => {
    if (path === null) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;

    const read = async (): Promise<void> => {
      try {
        const data = await getJson<T>(path, abort.signal);
        if (!abort.signal.aborted) setAnswer({ path, data, error: null });
      } catch (error) {
        if (abort.signal.aborted) return;
        const told = asApiError(error);
        setAnswer((before) => ({
          path,
          data: keepPrevious || before.path === path ? before.data : null,
          error: told,
        }));
      }
      schedule();
    };
    const schedule = (): void => {
      if (refreshMs === undefined || abort.signal.aborted) return;
      timer = setTimeout(() => (document.hidden ? schedule() : void read()), refreshMs);
    };

    void read();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [path, refreshMs, keepPrevious, edition]);

  return keepPrevious || answer.path === path ? answer : { data: null, error: null };
}
