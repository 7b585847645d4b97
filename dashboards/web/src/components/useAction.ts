/** One change at a time: whether it is under way, and what the API said against it. */

import { useState } from "react";
import { type ApiError, asApiError } from "../client/http";

export interface Action {
  busy: boolean;
  error: ApiError | null;
  /** Does it, and returns whether it went well. Does nothing while another is under way. */
  run: (work: () => Promise<void>) => Promise<boolean>;
  forget: () => void;
}

export function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const run = async (work: () => Promise<void>): Promise<boolean> => {
    if (busy) return false;
    setBusy(true);
    setError(null);
    try {
      await work();
      return true;
    } catch (failure) {
      setError(asApiError(failure));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, run, forget: () => setError(null) };
}
