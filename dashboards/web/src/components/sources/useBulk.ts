/** Replays or drops all letters of a filter, a thousand at a time, and adds up what the answers say. */

import { useEffect, useRef, useState } from "react";
import type { DropReport, ReplayReport } from "../../client/door";
import { sendJson } from "../../client/http";
import { type BulkResult, begun, withReport } from "../../lib/bulk";
import { useAction } from "../useAction";

/** `fixes` is the JSON list for the API. */
export function useBulk(filter: Record<string, string>, fixes: string, onChanged: () => void) {
  const [result, setResult] = useState<BulkResult | null>(null);
  const [dropped, setDropped] = useState<number | null>(null);
  const { busy, error, run } = useAction();
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []);

  const renewed = (): AbortController => {
    abort.current = new AbortController();
    return abort.current;
  };

  const replay = (dry: boolean): Promise<boolean> =>
    run(async () => {
      const { signal } = renewed();
      let all = begun(dry, fixes);
      let after: string | null = null;
      setDropped(null);
      setResult(all);
      do {
        const place = after === null ? "" : `"after":${JSON.stringify(after)},`;
        const body = `{"filter":${JSON.stringify(filter)},${place}"dry_run":${dry},"fixes":${fixes}}`;
        const report: ReplayReport = await sendJson("POST", "/api/dead-letters/replay", body);
        all = withReport(all, report);
        after = report.next_after;
        setResult(all);
      } while (after !== null && !signal.aborted);
      if (!dry) onChanged();
    });
  const drop = (): Promise<boolean> =>
    run(async () => {
      const report = await sendJson<DropReport>("POST", "/api/dead-letters/drop", { filter });
      setDropped(report.dropped);
      setResult(null);
      onChanged();
    });
  return { result, dropped, busy, error, replay, drop, stop: () => abort.current?.abort() };
}
