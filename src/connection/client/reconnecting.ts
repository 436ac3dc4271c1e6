/**
 * A client that stays connected: it replaces a lost connection by a new one (RFC 6455, 7.2.3).
 *
 * @module
 */

import { checkLimit, wrongType } from "../../arguments.ts";
import { type Deferred, newDeferred, rejected } from "../../deferred.ts";
import type { PreparedMessage } from "../../endpoint/prepared.ts";
import { ClosedError, type Closure } from "../../errors.ts";
import { Fifo } from "../../fifo.ts";
import { StatusAbnormalClosure, type StatusCode, StatusNormalClosure } from "../../status.ts";
import { checkClose } from "../check-close.ts";
import type { SendOptions } from "../send/prepare.ts";
import type { Binary, BlobLike, Data } from "../data.ts";
import type { ReceiveOptions } from "../receive/inbox.ts";
import type { AbortSource } from "./abort-source.ts";
import { receiveWithin } from "./receive-within.ts";
import {
  type ConnectAttempt,
  Reconnector,
  type ReconnectorOptions,
  type Reconnectable,
  type ReconnectEnd,
  type ReconnectRules,
  type ReconnectState,
} from "./reconnector.ts";

/** Options of {@link reconnecting}. */
export interface ReconnectOptions<Ws extends Reconnectable> extends ReconnectorOptions<Ws> {
  /** What `send` does while there is no connection: it rejects, or it waits for the next connection. Default: "reject". */
  readonly whileAway?: "reject" | "wait" | undefined;
  /**
   * Most bytes that may wait for the next connection; of text the UTF-16 units count. Beyond that `send` rejects with
   * `TOO_MUCH_BUFFERED`. 0 or Infinity: no limit. Default: 1 MiB.
   */
  readonly maxWaiting?: number | undefined;
  /**
   * Most bytes of unread messages from connections that have ended; of text the UTF-16 units count. The connection that has ended
   * last does not count. Beyond the limit the oldest messages are dropped. 0 or Infinity: no limit. Default: 1 MiB.
   */
  readonly maxUnread?: number | undefined;
}

/** A message that waits for a connection. */
interface WaitingReceiver {
  readonly data: string | Binary | BlobLike | PreparedMessage;
  readonly options: SendOptions | undefined;
  readonly sent: Deferred<void>;
}

/** A client that stays connected. {@link reconnecting} makes it. */
export class Reconnecting<Ws extends Reconnectable> {
  readonly #rules: ReconnectRules;
  readonly #reconnector: Reconnector<Ws>;
  #connection: Ws | undefined;
  #ready = newDeferred<Ws>();
  readonly #closed = newDeferred<ReconnectEnd>();
  readonly #whileAway: "reject" | "wait";
  readonly #maxWaiting: number;
  #waiting: WaitingReceiver[] = [];
  #waitingSize = 0;
  /** Whether the application has ever asked for a message. Before that, nobody wants the messages of ended connections. */
  #isReceiving = false;
  /** Whether the application has asked for a promise that reports the end. */
  #isAwaited = false;
  /** Unread messages of ended connections. The connections themselves are not kept. */
  readonly #unread = new Fifo<Data>();
  #unreadSize = 0;
  readonly #maxUnread: number;
  /** Whether this client keeps the process alive. */
  #holds = true;
  /** Settles when the unread messages of all ended connections are in `#unread`; undefined if they are. */
  #emptying: Promise<void> | undefined;

  /**
   * @internal For framewire itself. Applications use {@link reconnecting}, which checks the names and types of options.
   *
   * @throws {RangeError} An option is out of its range.
   */
  constructor(
    open: (attempt: ConnectAttempt) => Promise<Ws>,
    options: ReconnectOptions<Ws>,
    rules: ReconnectRules,
  ) {
    this.#rules = rules;
    const { whileAway = "reject", maxWaiting = 1024 ** 2, maxUnread = 1024 ** 2 } = options;
    checkLimit("maxWaiting", maxWaiting);
    checkLimit("maxUnread", maxUnread);
    this.#whileAway = whileAway;
    this.#maxWaiting = maxWaiting || Infinity;
    this.#maxUnread = maxUnread || Infinity;
    this.#reconnector = new Reconnector(open, options, rules, {
      onReady: (ws) => {
        this.#onReady(ws);
      },
      onLost: () => {
        if (this.#isReceiving) this.#emptyInTurn(this.#connection!);
        this.#connection = undefined;
        this.#ready = newDeferred<Ws>();
      },
      onEnd: (end) => {
        this.#onEnd(end);
      },
      isAwaited: () => this.#isAwaited,
    });
  }

  /** The state of the client. */
  get state(): ReconnectState {
    return this.#reconnector.state;
  }

  /** The connection, if one is open and `resume` is done. It changes, so do not keep it. */
  get connection(): Ws | undefined {
    return this.#connection;
  }

  /**
   * Resolves with the current connection, or with the next one.
   *
   * Rejects with the `error` of {@link closed} if there will be none. A rejection that you do not await is not reported as
   * unhandled.
   */
  get ready(): Promise<Ws> {
    this.#isAwaited = true;
    return this.#ready.promise;
  }

  /** Resolves when the client has ended, and says why. Never rejects. */
  get closed(): Promise<ReconnectEnd> {
    this.#isAwaited = true;
    return this.#closed.promise;
  }

  /**
   * Sends a message on the current connection. Only the peer knows whether the message arrives.
   *
   * @param data As for `send` of a connection; a Blob only in a browser. Do not change bytes that wait for a connection until the
   * promise settles.
   * @returns As `send` of a connection. Rejects with `ClosedError` if there is no connection. If `whileAway` is "wait", it
   * rejects with `LimitError` `TOO_MUCH_BUFFERED`, or as {@link ready} does.
   * @throws {TypeError} `data` is neither a string nor bytes.
   */
  send(data: string | Binary | BlobLike | PreparedMessage, options?: SendOptions): Promise<void> {
    const ws = this.#connection;
    if (ws !== undefined && ws.state === "open") return ws.send(data, options);
    const { ending, last } = this.#reconnector;
    if (ending !== undefined) return rejected(ending.error);
    if (this.#whileAway === "reject") {
      return rejected(new ClosedError(last?.closure ?? noConnection(last?.error)));
    }
    const size = this.#waitingSize + sizeOf(data);
    if (size > this.#maxWaiting) {
      return rejected(this.#rules.tooMuchBuffered(this.#maxWaiting, size));
    }
    const sent = newDeferred<void>();
    this.#waiting.push({ data, options, sent });
    this.#waitingSize = size;
    return sent.promise;
  }

  /**
   * Waits for the next message of any connection. Unread messages of an ended connection come before those of the next
   * connection.
   *
   * After the first call, the messages that an ended connection still holds are kept, within `maxUnread`, until you ask for them.
   * The connection itself is not kept.
   *
   * @param options As for `receive` of a connection; `timeout` includes the time between connections.
   * @throws {TimeoutError} `RECEIVE_TIMEOUT`
   * @throws {TypeError} The connection has a handler for messages.
   * @throws {RangeError} The timeout is NaN or below 0.
   * @throws The error of {@link ready}, after the end; the signal's reason.
   */
  receive(options: ReceiveOptions = {}): Promise<Data> {
    const { clock } = this.#reconnector;
    const { receiveTimeout } = this.#rules;
    return receiveWithin({ ...options, clock, holds: this.#holds, receiveTimeout }, (limit) =>
      this.#receive(limit),
    );
  }

  /**
   * Gives the messages of all connections. The loop ends when this side closes, or the peer closes with 1000. Otherwise it throws
   * the error that ended the client.
   */
  [Symbol.asyncIterator](): AsyncIterator<Data> {
    return {
      next: async () => {
        try {
          return { done: false, value: await this.#receive() };
        } catch (error) {
          const { ending } = this.#reconnector;
          if (ending === undefined || !isQuiet(ending)) throw error;
          return { done: true, value: undefined };
        }
      },
    };
  }

  /**
   * Ends the client: closes the connection, aborts an attempt, stops waiting. A second call has no effect.
   *
   * @param status As for `close` of a connection. Default: 1000.
   * @param reason At most 123 bytes of UTF-8. Default: empty.
   * @returns {@link closed}.
   * @throws {RangeError} The status may not be sent, or the reason is too long.
   */
  close(status: StatusCode = StatusNormalClosure, reason = ""): Promise<ReconnectEnd> {
    checkClose(status, reason);
    const error = new ClosedError({ status, reason, clean: true, initiator: "local" });
    this.#reconnector.finish({ cause: "closed", closure: undefined, error }, status, reason);
    return this.closed;
  }

  /** The client keeps the process alive: while it is connected, connects, or waits to connect. This is also the initial state. */
  ref(): void {
    this.#hold(true);
  }

  /**
   * The process may end although the client is connected, or waits for the next attempt. An attempt still keeps the process
   * alive. No effect in a browser.
   */
  unref(): void {
    this.#hold(false);
  }

  #hold(holds: boolean): void {
    this.#holds = holds;
    this.#reconnector.hold(holds);
  }

  /** Closes with 1000 and waits for the end, for `await using feed = ...`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The connection is ready. Messages that have waited are sent first. */
  #onReady(ws: Ws): void {
    this.#connection = ws;
    this.#waitingSize = 0;
    for (const message of this.#waiting.splice(0)) void sendOn(ws, message);
    this.#ready.resolve(ws);
  }

  #onEnd(end: ReconnectEnd): void {
    for (const { sent } of this.#waiting.splice(0)) sent.reject(end.error);
    this.#ready.reject(end.error);
    this.#closed.resolve(end);
  }

  async #receive(limit?: AbortSource): Promise<Data> {
    this.#isReceiving = true;
    this.#isAwaited = true;
    for (;;) {
      if (this.#unread.length > 0) return this.#takeUnread();
      const ws = this.#connection;
      if (this.#emptying !== undefined) {
        await within(limit, this.#emptying);
      } else if (ws === undefined) {
        await within(limit, this.ready);
      } else {
        const data = await nextOf(ws, limit);
        if (data !== undefined) return data;
        // No message is left. The connection may still be closing, and the next one comes only after that.
        await within(limit, ws.closed);
      }
    }
  }

  /** Takes the unread messages out of an ended connection, after those of earlier connections. */
  #emptyInTurn(ws: Ws): void {
    const before = this.#emptying;
    const emptying = before === undefined ? this.#empty(ws) : before.then(() => this.#empty(ws));
    this.#emptying = emptying;
    void emptying.then(() => {
      if (this.#emptying === emptying) this.#emptying = undefined;
    });
  }

  async #empty(ws: Ws): Promise<void> {
    while (this.#unreadSize > this.#maxUnread) this.#takeUnread();
    try {
      for (;;) {
        const data = await ws.receive();
        this.#unread.push(data);
        this.#unreadSize += data.length;
      }
    } catch {
      // As a rule the error is that the connection is over. In any case there are no more messages.
    }
  }

  #takeUnread(): Data {
    const data = this.#unread.shift()!;
    this.#unreadSize -= data.length;
    return data;
  }
}

/** The closure for the error of `send`, if there has never been a connection. */
function noConnection(error: unknown): Closure {
  return { status: StatusAbnormalClosure, reason: "", clean: false, initiator: "transport", error };
}

/** Whether a loop over messages ends without an error. */
function isQuiet({ cause, closure }: ReconnectEnd): boolean {
  if (cause === "closed") return true;
  if (cause !== "final" || closure === undefined || closure.error !== undefined) return false;
  return closure.initiator === "local" || closure.status === StatusNormalClosure;
}

/** Gives the UTF-16 units of a string, or the bytes of other data. @throws {TypeError} It is not data. */
function sizeOf(data: string | Binary | BlobLike | PreparedMessage): number {
  if (typeof data === "string") return data.length;
  const { byteLength, size } = Object(data) as Partial<ArrayBuffer & PreparedMessage>;
  const count = byteLength ?? size;
  if (count === undefined)
    throw wrongType("data", "a string, an ArrayBuffer or a view on one", data);
  return count;
}

async function sendOn(ws: Reconnectable, { data, options, sent }: WaitingReceiver): Promise<void> {
  try {
    await ws.send(data, options);
    sent.resolve();
  } catch (error) {
    sent.reject(error);
  }
}

/** Gives the next message of a connection; undefined if the connection is over and no message is left. */
async function nextOf(
  ws: Reconnectable,
  limit: AbortSource | undefined,
): Promise<Data | undefined> {
  try {
    return await ws.receive(limit && { signal: limit });
  } catch (error) {
    if (error instanceof ClosedError) return undefined;
    throw error;
  }
}

function within<Value>(limit: AbortSource | undefined, work: Promise<Value>): Promise<Value> {
  return limit === undefined ? work : limit.race(work);
}
