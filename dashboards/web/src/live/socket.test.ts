import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { LiveMessage } from "../client/types";
import {
  BATCH_LIMIT,
  BATCH_MS,
  type Connection,
  LiveSocket,
  parseMessage,
  retryDelay,
  SILENCE_MS,
} from "./socket";

/** Stands for the browser's WebSocket; the test plays the server. */
class FakeWebSocket {
  onmessage: ((message: { data: unknown }) => void) | null = null;
  onclose: ((event?: { code: number; reason: string }) => void) | null = null;
  closed = false;

  constructor(readonly url: string) {}

  close(): void {
    this.closed = true;
    this.onclose?.();
  }

  say(seq: number, kind: string, data: object = {}): void {
    this.onmessage?.({ data: JSON.stringify({ seq, kind, at_ms: 0, data }) });
  }
}

function open(options: { url?: string; resumes?: boolean; isChatty?: boolean } = {}) {
  const sockets: FakeWebSocket[] = [];
  const batches: LiveMessage[][] = [];
  const connections: Connection[] = [];
  const refusals: string[] = [];
  const live = new LiveSocket<LiveMessage>({
    url: "ws://host/ws/live",
    ...options,
    onBatch: (messages) => batches.push(messages),
    onConnection: (connection) => connections.push(connection),
    onRefusal: (code, reason) => refusals.push(`${code} ${reason}`),
    createSocket: (url) => {
      const socket = new FakeWebSocket(url);
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
    random: () => 1,
  });
  live.connect();
  const latest = (): FakeWebSocket => {
    const socket = sockets.at(-1);
    if (!socket) throw new Error("nothing has connected");
    return socket;
  };
  return { live, sockets, batches, connections, refusals, latest };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("messages arrive in one batch a quarter second", () => {
  const { latest, batches } = open();
  latest().say(1, "event");
  latest().say(2, "event");
  vi.advanceTimersByTime(BATCH_MS);
  expect(batches.map((batch) => batch.map((m) => m.seq))).toEqual([[1, 2]]);
});

test("a flood is handed over before it grows large", () => {
  const { latest, batches } = open();
  for (let seq = 1; seq <= BATCH_LIMIT; seq += 1) latest().say(seq, "event");
  expect(batches).toHaveLength(1);
});

test("the first connection asks for what is still in memory", () => {
  expect(open().latest().url).toBe("ws://host/ws/live?after=0");
});

test("a gap before the first message is no loss", () => {
  const { latest, batches } = open();
  latest().say(50, "gap", { missed: 49 });
  vi.advanceTimersByTime(BATCH_MS);
  expect(batches).toEqual([]);
});

test("a lost link comes back after the last message seen", () => {
  const { latest, sockets } = open();
  latest().say(1, "hello", { resumed: true });
  latest().say(41, "event");
  latest().close();
  vi.advanceTimersByTime(retryDelay(0, () => 1));
  expect([sockets.length, latest().url]).toEqual([2, "ws://host/ws/live?after=41"]);
});

test("what was received before a loss is still shown", () => {
  const { latest, batches } = open();
  latest().say(1, "event");
  latest().close();
  expect(batches).toHaveLength(1);
});

test("a link that says nothing is given up", () => {
  const { latest, sockets } = open();
  const first = latest();
  vi.advanceTimersByTime(SILENCE_MS + retryDelay(0, () => 1));
  expect([first.closed, sockets.length]).toEqual([true, 2]);
});

test("the connection counts as open once the server says hello", () => {
  const { latest, connections } = open();
  latest().say(1, "hello", { resumed: true });
  latest().close();
  expect(connections).toEqual(["connecting", "open", "waiting"]);
});

test("a closed feed does not connect again", () => {
  const { live, sockets } = open();
  live.close();
  vi.advanceTimersByTime(60_000);
  expect(sockets).toHaveLength(1);
});

test("retries grow to eight seconds and no further", () => {
  expect([0, 1, 2, 10].map((failures) => retryDelay(failures, () => 1))).toEqual([300, 600, 1200, 8000]);
});

test.each(["", "[]", "null", '{"seq": 1}', '{"seq": "1", "kind": "event", "data": {}}', 7])(
  "%j is not a message",
  (data) => {
    expect(parseMessage(data)).toBeNull();
  },
);

describe("a feed that sends all it has kept each time", () => {
  const openSilent = () => open({ url: "ws://host/ws/sources/web?text=a", resumes: false, isChatty: false });

  test("is asked by its own address, and may be silent", () => {
    const { sockets } = openSilent();
    vi.advanceTimersByTime(10 * SILENCE_MS);
    expect(sockets.map(({ url }) => url)).toEqual(["ws://host/ws/sources/web?text=a"]);
  });

  test("is opened anew at once when it is renewed", () => {
    const { live, sockets } = openSilent();
    live.renew();
    expect([sockets.length, sockets[0]?.closed]).toEqual([2, true]);
  });

  test("stays closed when the server says that there is no such source", () => {
    const { sockets, refusals } = openSilent();
    sockets[0]?.onclose?.({ code: 4404, reason: "there is no such source" });
    vi.advanceTimersByTime(60_000);
    expect([sockets.length, refusals]).toEqual([1, ["4404 there is no such source"]]);
  });
});
