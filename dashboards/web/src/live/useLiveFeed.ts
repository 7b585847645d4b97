/** Joins the socket to the reducer: one live state for the page. */

import { type Dispatch, useEffect, useReducer, useState } from "react";
import type { LiveMessage } from "../client/types";
import { type Action, reduce } from "./reducer";
import { type Connection, LiveSocket, socketAddress } from "./socket";
import { initialState, type LiveState } from "./state";

/** How old the figures are, to be judged against the browser's clock at the moment of painting. */
export interface Freshness {
  /** Browser time at which the latest `stats` arrived, and how old its data was by then. */
  receivedAt: number | null;
  dataAgeMs: number;
  /** Server clock minus browser clock. */
  skewMs: number;
}

export interface LiveFeed {
  state: LiveState;
  connection: Connection;
  freshness: Freshness;
  dispatch: Dispatch<Action>;
}

function freshnessAfter(before: Freshness, messages: readonly LiveMessage[], now: number): Freshness {
  const hello = messages.findLast((message) => message.kind === "hello");
  const stats = messages.findLast((message) => message.kind === "stats");
  const skewMs = hello ? hello.data.server_ms - now : before.skewMs;
  const dataAgeMs = stats?.data.data_age_ms ?? null;
  if (dataAgeMs === null) return skewMs === before.skewMs ? before : { ...before, skewMs };
  return { receivedAt: now, dataAgeMs, skewMs };
}

export function useLiveFeed(): LiveFeed {
  const [state, dispatch] = useReducer(reduce, initialState);
  const [connection, setConnection] = useState<Connection>("connecting");
  const [freshness, setFreshness] = useState<Freshness>({ receivedAt: null, dataAgeMs: 0, skewMs: 0 });

  useEffect(() => {
    const socket = new LiveSocket<LiveMessage>({
      url: socketAddress("/ws/live"),
      onBatch: (messages) => {
        const now = Date.now();
        dispatch({ type: "messages", messages });
        setFreshness((before) => freshnessAfter(before, messages, now));
      },
      onConnection: setConnection,
    });
    const retryNow = (): void => socket.connect();
    socket.connect();
    window.addEventListener("online", retryNow);
    return () => {
      window.removeEventListener("online", retryNow);
      socket.close();
    };
  }, []);

  return { state, connection, freshness, dispatch };
}
