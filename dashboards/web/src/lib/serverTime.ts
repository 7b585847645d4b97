/** The server's clock for everything below the page: due times and ages are told in its time, not the browser's. */

import { createContext, useContext } from "react";
import { useNow } from "./useNow";

export const ClockSkew = createContext(0);

export function useServerNow(): number {
  return useNow() + useContext(ClockSkew);
}
