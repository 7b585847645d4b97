/** Whether this browser may read the workspace. Asks again on its own, so that signing in elsewhere is enough. */

import { useQuery } from "./useQuery";

export type Session = "checking" | "signed-in" | "signed-out" | "unreachable";

const ASK_AGAIN_MS = 4000;

export function useSession(): Session {
  const { data, error } = useQuery<unknown>("/api/me", { refreshMs: ASK_AGAIN_MS });
  if (error?.status === 401 || error?.status === 403) return "signed-out";
  if (data !== null) return "signed-in";
  return error ? "unreachable" : "checking";
}
