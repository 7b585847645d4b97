/** The server's clock for everything below the page: due times and ages are told in its time, not the browser's. */

import { createContext, useContext } from "react";
import { useAtTime } from "./useNow";

/** Server clock minus browser clock, in milliseconds. */
export const ClockSkew = createContext(0);

/** What `read` makes of the server's time, looked at once a second. */
export function useAtServerTime<T extends string | number | boolean>(read: (nowMs: number) => T): T {
  const skewMs = useContext(ClockSkew);
  return useAtTime("second", (now) => read(now + skewMs));
}
