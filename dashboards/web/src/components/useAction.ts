/** One change at a time: whether it is under way, and what the API said against it. */

import { useRef, useState } from "react";
import { type ApiError, asApiError } from "../client/http";

export interface Action {
  busy: boolean;
  error: ApiError | null;
  /**
   * Does it, and returns whether it went well. Does nothing while another is under way: a button need not be disabled
   * meanwhile, which would take the focus from it; where another action stands beside it, `aria-disabled` says so.
   */
  run: (work: () => Promise<void>) => Promise<boolean>;
  forget: () => void;
}

export function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const isUnderWay = useRef(false);
  const run = async (work: () => Promise<void>): Promise<boolean> => {
    if (isUnderWay.current) return false;
    isUnderWay.current = true;
    setBusy(true);
    setError(null);
    try {
      await work();
      return true;
    } catch (failure) {
      setError(asApiError(failure));
      return false;
    } finally {
      isUnderWay.current = false;
      setBusy(false);
    }
  };
  return { busy, error, run, forget: () => setError(null) };
}
