/** Looks on at one source: its messages of the last minutes, then live. */

import { useContext, useEffect, useReducer, useRef, useState } from "react";
import type { NotedFrame, NotedMessage } from "../client/door";
import { getJson, withParams } from "../client/http";
import { ClockSkew } from "../lib/serverTime";
import { growingFrom, NOTHING_NOTED, type NotedState, reduceNoted } from "./noted";
import { type Connection, LiveSocket, socketAddress } from "./socket";

const ALIKE_MS = 3000;
/** Refusals alike are counted together for five seconds; this leaves time for the last of them to be told. */
const GROWING_MS = 12_000;
const MOST_ALIKE = 300;

export interface Debugger {
  state: NotedState;
  connection: Connection;
  /** Why the server shows nothing of this source, "" while it does. */
  refusal: string;
  clear: () => void;
}

/** `links` counts the links of the page that were lost: a silent feed can't tell that itself. */
export function useDebugger(source: string, text: string, links: number): Debugger {
  const [state, dispatch] = useReducer(reduceNoted, NOTHING_NOTED);
  const [connection, setConnection] = useState<Connection>("connecting");
  const [refusal, setRefusal] = useState("");
  const socketRef = useRef<LiveSocket<NotedFrame> | null>(null);

  useEffect(() => {
    const path = withParams(`/ws/sources/${encodeURIComponent(source)}`, { text });
    const socket = new LiveSocket<NotedFrame>({
      url: socketAddress(path),
      resumes: false,
      isChatty: false,
      onBatch: (frames) => dispatch({ type: "frames", frames }),
      onConnection: setConnection,
      onRefusal: (_, reason) => setRefusal(reason || "The server refuses to show this source."),
    });
    socketRef.current = socket;
    dispatch({ type: "begun" });
    setRefusal("");
    socket.connect();
    return () => {
      socketRef.current = null;
      socket.close();
    };
  }, [source, text]);

  useEffect(() => {
    if (links > 0) socketRef.current?.renew();
  }, [links]);

  useAlike(source, state, (messages) => dispatch({ type: "alike", messages }));
  return { state, connection, refusal, clear: () => dispatch({ type: "cleared" }) };
}

/** Asks how often the newest refusals have come again, as long as they may. */
function useAlike(source: string, state: NotedState, onTold: (messages: NotedMessage[]) => void): void {
  const latest = useRef({ state, onTold });
  latest.current = { state, onTold };
  const skewMs = useContext(ClockSkew);
  useEffect(() => {
    const abort = new AbortController();
    const ask = async (): Promise<void> => {
      const first = growingFrom(latest.current.state, Date.now() + skewMs, GROWING_MS);
      if (first === null || document.hidden) return;
      const path = withParams(`/api/sources/${encodeURIComponent(source)}/events`, {
        verdict: "refused",
        after: first - 1,
        limit: MOST_ALIKE,
      });
      try {
        const { events } = await getJson<{ events: NotedMessage[] }>(path, abort.signal);
        if (!abort.signal.aborted) latest.current.onTold(events);
      } catch {
        // The link itself tells when the server is away; the numbers catch up at the next turn.
      }
    };
    const timer = setInterval(() => void ask(), ALIKE_MS);
    return () => {
      clearInterval(timer);
      abort.abort();
    };
  }, [source, skewMs]);
}
