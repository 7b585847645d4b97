/**
 * A live WebSocket: connects, resumes after the last message seen, reconnects with back-off, and hands messages
 * over in batches so that a busy stream costs a few renders a second. Knows nothing of React.
 */

export type Connection = "connecting" | "open" | "waiting";

/** What all messages have in common; `hello` comes first, `gap` says that some were lost. */
export interface Envelope {
  seq: number;
  kind: string;
  data: object;
}

export interface SocketOptions<Message extends Envelope> {
  /** Address of the feed; one that resumes comes without query. */
  url: string;
  onBatch: (messages: Message[]) => void;
  onConnection: (connection: Connection) => void;
  /** Called when the server refuses for a reason that trying again does not mend; then the link stays closed. */
  onRefusal?: (code: number, reason: string) => void;
  /** Whether the feed sends what came after a message. One that doesn't sends all that it has kept, each time. */
  resumes?: boolean;
  /** Whether the feed always says something within SILENCE_MS. */
  isChatty?: boolean;
  createSocket?: (url: string) => WebSocket;
  random?: () => number;
}

export const BATCH_MS = 250;
export const BATCH_LIMIT = 1000;
/** `stats` comes each second; a link silent for this long is dead even where TCP has not noticed. */
export const SILENCE_MS = 8000;
const RETRY_FIRST_MS = 300;
const RETRY_MAX_MS = 8000;

/** The server's word that the address itself is at fault. */
const FINAL_CODES = new Set([4400, 4404]);

export class LiveSocket<Message extends Envelope> {
  private socket: WebSocket | null = null;
  private batch: Message[] = [];
  private lastSeq = 0;
  private failures = 0;
  private batchTimer: ReturnType<typeof setTimeout> | undefined;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private silenceTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: SocketOptions<Message>) {}

  /** Opens the link at once, also while a retry is pending. Does nothing on an open link. */
  connect(): void {
    if (this.socket) return;
    clearTimeout(this.retryTimer);
    this.options.onConnection("connecting");
    const create = this.options.createSocket ?? ((url: string) => new WebSocket(url));
    // after=0 on the first connection asks for what is still in memory, so that a fresh page is not empty.
    const { url, resumes = true } = this.options;
    const socket = create(resumes ? `${url}?after=${this.lastSeq}` : url);
    this.socket = socket;
    socket.onmessage = (message) => this.receive(message.data);
    socket.onclose = (event?: CloseEvent) => this.lose(socket, event);
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

  /** Gives an open link up and opens another: for feeds that are silent by nature, when another link was lost. */
  renew(): void {
    const { socket } = this;
    if (!socket) return;
    this.lose(socket);
    socket.close();
    this.connect();
  }

  private receive(data: unknown): void {
    const message = parseMessage<Message>(data);
    if (!message) return;
    this.watchSilence();
    // Before anything was seen, a gap only says that the server's memory does not reach back to its first message.
    if (message.kind === "gap" && this.lastSeq === 0 && this.options.resumes !== false) return;
    if (message.kind === "hello") {
      this.failures = 0;
      if (!("resumed" in message.data && message.data.resumed)) this.lastSeq = 0;
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
    if (this.options.isChatty === false) return;
    this.silenceTimer = setTimeout(() => {
      const { socket } = this;
      if (!socket) return;
      this.lose(socket); // a dead link may take minutes to report its close
      socket.close();
    }, SILENCE_MS);
  }

  private lose(socket: WebSocket, event?: CloseEvent): void {
    if (this.socket !== socket) return;
    this.socket = null;
    clearTimeout(this.silenceTimer);
    this.flush();
    this.options.onConnection("waiting");
    if (event && FINAL_CODES.has(event.code) && this.options.onRefusal) {
      this.options.onRefusal(event.code, event.reason);
      return;
    }
    this.retryTimer = setTimeout(
      () => this.connect(),
      retryDelay(this.failures, this.options.random ?? Math.random),
    );
    this.failures += 1;
  }
}

/** The address of a path as a WebSocket of this page's own server. */
export function socketAddress(path: string): string {
  const { protocol, host } = window.location;
  return `${protocol === "https:" ? "wss" : "ws"}://${host}${path}`;
}

/** Doubling delay with jitter between half and all of it, so that many pages do not return at once. */
export function retryDelay(failures: number, random: () => number): number {
  const full = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** failures);
  return full * (0.5 + random() / 2);
}

/** Returns null for what is not a message of a feed. `size` of a message is its length on the way. */
export function parseMessage<Message extends Envelope>(data: unknown): Message | null {
  if (typeof data !== "string") return null;
  try {
    const value: unknown = JSON.parse(data);
    return isMessage<Message>(value) ? { ...value, size: data.length } : null;
  } catch {
    return null;
  }
}

function isMessage<Message extends Envelope>(value: unknown): value is Message {
  if (typeof value !== "object" || value === null) return false;
  const { seq, kind, data } = value as Record<string, unknown>;
  return typeof seq === "number" && typeof kind === "string" && typeof data === "object" && data !== null;
}
