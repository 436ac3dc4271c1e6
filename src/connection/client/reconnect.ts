/**
 * A client that stays connected: whenever its connection is lost it opens another one (RFC 6455, 7.2.3).
 *
 * @module
 */

import { checkLimit, checkMilliseconds } from "../../arguments.ts";
import {
  callback,
  checkKind,
  checkOptions,
  clock,
  milliseconds,
  number,
  oneOf,
  type OptionTable,
  signal as signalKind,
} from "../../check-options.ts";
import { type Deferred, newDeferred, rejected } from "../../deferred.ts";
import { PreparedMessage } from "../../endpoint/prepared.ts";
import { ClosedError, type Closure, LimitError } from "../../errors.ts";
import { Fifo } from "../../fifo.ts";
import { Attempt } from "../../handshake/attempt.ts";
import { StatusAbnormalClosure, type StatusCode, StatusNormalClosure } from "../../status.ts";
import { checkClose } from "../check-close.ts";
import { unhandledErrorsKind } from "../unhandled-errors.ts";
import type { SendOptions } from "../send/prepare.ts";
import { type Binary, type Data, toBytes } from "../data.ts";
import type { ReceiveOptions } from "../receive/inbox.ts";
import {
  type ConnectAttempt,
  Reconnector,
  type ReconnectorOptions,
  type Reconnectable,
  type ReconnectEnd,
  type ReconnectState,
} from "./reconnector.ts";

/** Options of {@link reconnecting}. */
export interface ReconnectOptions<Ws extends Reconnectable> extends ReconnectorOptions<Ws> {
  /** What `send` does while there is no connection: reject, or wait for the next one. Default: "reject". */
  readonly whileAway?: "reject" | "wait" | undefined;
  /**
   * Bytes that may wait for the next connection, a string's UTF-16 units counted for text; more is rejected with
   * `TOO_MUCH_BUFFERED`. Default: 1 MiB.
   */
  readonly maxWaiting?: number | undefined;
  /**
   * Bytes of messages that connections before the last ended one have left, and nobody has asked for, a string's UTF-16
   * units counted for text. What is more is dropped, the oldest messages first. Default: 1 MiB.
   */
  readonly maxUnread?: number | undefined;
}

const reconnectTable: OptionTable<ReconnectOptions<Reconnectable>> =
  /* @__PURE__ */ ((): OptionTable<ReconnectOptions<Reconnectable>> => ({
    initialDelay: milliseconds,
    maxDelay: milliseconds,
    factor: number,
    maxAttempts: number,
    stableAfter: milliseconds,
    random: callback,
    shouldReconnect: callback,
    resume: callback,
    connected: callback,
    disconnected: callback,
    unhandledErrors: unhandledErrorsKind,
    signal: signalKind,
    clock,
    whileAway: oneOf("reject", "wait"),
    maxWaiting: number,
    maxUnread: number,
  }))();

/** A message that waits for a connection. */
interface WaitingReceiver {
  readonly data: string | Binary | PreparedMessage;
  readonly options: SendOptions | undefined;
  readonly sent: Deferred<void>;
}

/** A client that stays connected. Made by {@link reconnecting}. */
export class Reconnecting<Ws extends Reconnectable> {
  readonly #keeper: Reconnector<Ws>;
  #connection: Ws | undefined;
  #ready = newDeferred<Ws>();
  readonly #closed = newDeferred<ReconnectEnd>();
  readonly #whileAway: "reject" | "wait";
  readonly #maxWaiting: number;
  #waiting: WaitingReceiver[] = [];
  #waitingSize = 0;
  /** Whether anybody has ever asked for a message: what came before is nobody's. */
  #isReceiving = false;
  /** Whether anybody has asked for what tells of the end. */
  #isAwaited = false;
  /** Messages of connections that have ended, none of which is kept itself. */
  readonly #unread = new Fifo<Data>();
  #unreadSize = 0;
  readonly #maxUnread: number;
  /** Settled when all that ended connections still hold is in `#unread`; undefined where it is. */
  #emptying: Promise<void> | undefined;

  /**
   * For the library: use {@link reconnecting}.
   *
   * @throws {TypeError} An option is not known, or of a wrong type.
   * @throws {RangeError} An option is out of its range.
   */
  constructor(open: (attempt: ConnectAttempt) => Promise<Ws>, options: ReconnectOptions<Ws>) {
    checkKind("open", callback, open);
    checkOptions(options, reconnectTable);
    const { whileAway = "reject", maxWaiting = 1024 ** 2, maxUnread = 1024 ** 2 } = options;
    checkLimit("maxWaiting", maxWaiting);
    checkLimit("maxUnread", maxUnread);
    this.#whileAway = whileAway;
    this.#maxWaiting = maxWaiting;
    this.#maxUnread = maxUnread;
    this.#keeper = new Reconnector(open, options, {
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

  /** Where it stands. */
  get state(): ReconnectState {
    return this.#keeper.state;
  }

  /** The connection, where there is one and it is resumed. It changes: do not keep it. */
  get connection(): Ws | undefined {
    return this.#connection;
  }

  /**
   * The present connection, or else the next one.
   *
   * It rejects when there will be none, with the `error` of {@link closed}. A rejection that nobody awaits is not
   * reported as unhandled.
   */
  get ready(): Promise<Ws> {
    this.#isAwaited = true;
    return this.#ready.promise;
  }

  /** How it ended for good; never rejects. */
  get closed(): Promise<ReconnectEnd> {
    this.#isAwaited = true;
    return this.#closed.promise;
  }

  /**
   * Sends a message on the present connection. Whether it arrives only the peer can tell.
   *
   * @param data As for `send` of a connection; bytes that wait for one are lent until the promise is settled.
   * @returns As `send` of a connection. Rejects with `ClosedError` where there is none, or, where `whileAway` is "wait",
   * with `LimitError` `TOO_MUCH_BUFFERED` and as {@link ready} does.
   * @throws {TypeError} `data` is neither a string nor bytes.
   */
  send(data: string | Binary | PreparedMessage, options?: SendOptions): Promise<void> {
    const ws = this.#connection;
    if (ws !== undefined && ws.state === "open") return ws.send(data, options);
    const { ending, last } = this.#keeper;
    if (ending !== undefined) return rejected(ending.error);
    if (this.#whileAway === "reject") {
      return rejected(new ClosedError(last?.closure ?? noConnection(last?.error)));
    }
    const size = this.#waitingSize + sizeOf(data);
    if (size > this.#maxWaiting) {
      return rejected(new LimitError("TOO_MUCH_BUFFERED", this.#maxWaiting, size));
    }
    const sent = newDeferred<void>();
    this.#waiting.push({ data, options, sent });
    this.#waitingSize = size;
    return sent.promise;
  }

  /**
   * Waits for the next message, of whichever connection: what an ended one still holds comes before the next one's.
   *
   * Who has begun to receive goes on: what an ended connection still holds is kept until it is asked for, within
   * `maxUnread`; the connection itself is not.
   *
   * @param options As for `receive` of a connection; `timeout` counts the time between connections too.
   * @throws {TimeoutError} `RECEIVE_TIMEOUT`
   * @throws {TypeError} The connection has a handler for messages.
   * @throws {RangeError} The time-out is NaN or below 0.
   * @throws What {@link ready} rejects with, once it has ended; the signal's reason.
   */
  async receive({ signal, timeout = Infinity }: ReceiveOptions = {}): Promise<Data> {
    checkMilliseconds("timeout", timeout);
    if (signal === undefined && timeout === Infinity) return this.#receive();
    const { deadlines } = this.#keeper;
    const limit = new Attempt({
      timeout: Math.max(1, timeout), // for an attempt, 0 is no limit
      code: "RECEIVE_TIMEOUT",
      signal,
      deadlines,
    });
    try {
      limit.check();
      return await this.#receive(limit);
    } finally {
      limit.end();
    }
  }

  /**
   * Goes through the messages of all connections. It ends where this side has closed, or the peer with 1000, and throws
   * why it ended otherwise.
   */
  [Symbol.asyncIterator](): AsyncIterator<Data> {
    return {
      next: async () => {
        try {
          return { done: false, value: await this.#receive() };
        } catch (error) {
          const { ending } = this.#keeper;
          if (ending === undefined || !isQuiet(ending)) throw error;
          return { done: true, value: undefined };
        }
      },
    };
  }

  /**
   * Ends it for good: closes the connection, aborts an attempt, waits no longer. A second call changes nothing.
   *
   * @param status As for `close` of a connection. Default: 1000.
   * @param reason At most 123 bytes of UTF-8. Default: none.
   * @returns {@link closed}.
   * @throws {RangeError} A status that may not be sent, or a reason that is too long.
   */
  close(status: StatusCode = StatusNormalClosure, reason = ""): Promise<ReconnectEnd> {
    checkClose(status, reason);
    const error = new ClosedError({ status, reason, clean: true, initiator: "local" });
    this.#keeper.finish({ cause: "closed", closure: undefined, error }, status, reason);
    return this.closed;
  }

  /** Closes with 1000 and waits for the end: `await using feed = ...`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The connection is everybody's now; what has waited goes first. */
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

  async #receive(limit?: Attempt): Promise<Data> {
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
        // Nothing is left in it. It may still be closing, and until then no other one comes.
        await within(limit, ws.closed);
      }
    }
  }

  /** Takes out of an ended connection what it still holds, behind what those before it held. */
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
      // That it is over, as a rule. Whatever it is: nothing more is to be had.
    }
  }

  #takeUnread(): Data {
    const data = this.#unread.shift()!;
    this.#unreadSize -= data.length;
    return data;
  }
}

/**
 * Keeps a client connected.
 *
 * It connects at once. Whenever the connection is lost, or an attempt fails, it waits and tries again, until `close` is
 * called or an end comes that no further attempt would mend.
 *
 * @param open Makes one connection; it works with any `connect`.
 * @throws {TypeError} An option is not known, or of a wrong type.
 * @throws {RangeError} An option is out of its range.
 *
 * @example
 * await using feed = reconnecting(({ signal }) => connect("wss://example.org/feed", { signal }), {
 *   resume: (ws) => ws.send(JSON.stringify({ after: lastId })),
 * });
 * for await (const message of feed) take(message);
 */
export function reconnecting<Ws extends Reconnectable>(
  open: (attempt: ConnectAttempt) => Promise<Ws>,
  options: ReconnectOptions<Ws> = {},
): Reconnecting<Ws> {
  return new Reconnecting(open, options);
}

/** What `send` says where no connection has ended, because none came about. */
function noConnection(error: unknown): Closure {
  return { status: StatusAbnormalClosure, reason: "", clean: false, initiator: "transport", error };
}

/** Whether an end is one that a loop over messages just stops at. */
function isQuiet({ cause, closure }: ReconnectEnd): boolean {
  if (cause === "closed") return true;
  if (cause !== "final" || closure === undefined || closure.error !== undefined) return false;
  return closure.initiator === "local" || closure.status === StatusNormalClosure;
}

/** @throws {TypeError} Not data. */
function sizeOf(data: string | Binary | PreparedMessage): number {
  if (typeof data === "string") return data.length;
  return data instanceof PreparedMessage ? data.size : toBytes(data).length;
}

async function sendOn(ws: Reconnectable, { data, options, sent }: WaitingReceiver): Promise<void> {
  try {
    await ws.send(data, options);
    sent.resolve();
  } catch (error) {
    sent.reject(error);
  }
}

/** Gives the next message of a connection; undefined where it is over, and nothing is left. */
async function nextOf(ws: Reconnectable, limit: Attempt | undefined): Promise<Data | undefined> {
  try {
    return await ws.receive(limit && { signal: limit });
  } catch (error) {
    if (error instanceof ClosedError) return undefined;
    throw error;
  }
}

function within<Value>(limit: Attempt | undefined, work: Promise<Value>): Promise<Value> {
  return limit === undefined ? work : limit.race(work);
}
