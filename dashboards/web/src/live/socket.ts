/**
 * The live WebSocket: connects, resumes after the last message seen, reconnects with back-off, and hands messages
 * over in batches so that a busy stream costs a few renders a second. Knows nothing of React.
 */

import type { LiveMessage } from "../client/types";

export type Connection = "connecting" | "open" | "waiting";

export interface SocketOptions {
  /** Address of the feed without query. */
  url: string;
  onBatch: (messages: LiveMessage[]) => void;
  onConnection: (connection: Connection) => void;
  createSocket?: (url: string) => WebSocket;
  random?: () => number;
}

export const BATCH_MS = 250;
export const BATCH_LIMIT = 1000;
/** `stats` comes each second; a link silent for this long is dead even where TCP has not noticed. */
export const SILENCE_MS = 8000;
const RETRY_FIRST_MS = 300;
const RETRY_MAX_MS = 8000;

export class LiveSocket {
  private socket: WebSocket | null = null;
  private batch: LiveMessage[] = [];
  private lastSeq = 0;
  private failures = 0;
  private batchTimer: ReturnType<typeof setTimeout> | undefined;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private silenceTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: SocketOptions) {}

  /** Opens the link at once, also while a retry is pending. Does nothing on an open link. */
  connect(): void {
    if (this.socket) return;
    clearTimeout(this.retryTimer);
    this.options.onConnection("connecting");
    const create = this.options.createSocket ?? ((url: string) => new WebSocket(url));
    // after=0 on the first connection asks for what is still in memory, so that a fresh page is not empty.
    const socket = create(`${this.options.url}?after=${this.lastSeq}`);
    this.socket = socket;
    socket.onmessage = (message) => this.receive(message.data);
    socket.onclose = () => this.lose(socket);
    this.watchSilence();
  }

  close(): void {
    const { socket } = this;
    this.socket = null;
    clearTimeout(this.retryTimer);
    clearTimeout(this.silenceTimer);
    clearTimeout(this.batchTimer);
    this.batchTimer = undefined;
    this.batch = [];
    socket?.close();
  }

  private receive(data: unknown): void {
    const message = parseMessage(data);
    if (!message) return;
    this.watchSilence();
    // Before anything was seen, a gap only says that the server's memory does not reach back to its first message.
    if (message.kind === "gap" && this.lastSeq === 0) return;
    if (message.kind === "hello") {
      this.failures = 0;
      if (!message.data.resumed) this.lastSeq = 0;
      this.options.onConnection("open");
    } else {
      this.lastSeq = Math.max(this.lastSeq, message.seq);
    }
    this.batch.push(message);
    if (this.batch.length >= BATCH_LIMIT) this.flush();
    else this.batchTimer ??= setTimeout(() => this.flush(), BATCH_MS);
  }

  private flush(): void {
    clearTimeout(this.batchTimer);
    this.batchTimer = undefined;
    const messages = this.batch;
    this.batch = [];
    if (messages.length > 0) this.options.onBatch(messages);
  }

  private watchSilence(): void {
    clearTimeout(this.silenceTimer);
    this.silenceTimer = setTimeout(() => {
      const { socket } = this;
      if (!socket) return;
      this.lose(socket); // a dead link may take minutes to report its close
      socket.close();
    }, SILENCE_MS);
  }

  private lose(socket: WebSocket): void {
    if (this.socket !== socket) return;
    this.socket = null;
    clearTimeout(this.silenceTimer);
    this.flush();
    this.options.onConnection("waiting");
    this.retryTimer = setTimeout(
      () => this.connect(),
      retryDelay(this.failures, this.options.random ?? Math.random),
    );
    this.failures += 1;
  }
}

/** Doubling delay with jitter between half and all of it, so that many pages do not return at once. */
export function retryDelay(failures: number, random: () => number): number {
  const full = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** failures);
  return full * (0.5 + random() / 2);
}

/** Returns null for what is not a message of the feed. */
export function parseMessage(data: unknown): LiveMessage | null {
  if (typeof data !== "string") return null;
  try {
    const value: unknown = JSON.parse(data);
    return isMessage(value) ? value : null;
  } catch {
    return null;
  }
}

function isMessage(value: unknown): value is LiveMessage {
  if (typeof value !== "object" || value === null) return false;
  const { seq, kind, data } = value as Record<string, unknown>;
  return typeof seq === "number" && typeof kind === "string" && typeof data === "object" && data !== null;
}
