/**
 * A client that stays connected: whenever its connection is lost it opens another one (RFC 6455, 7.2.3).
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
  /** What `send` does while there is no connection: reject, or wait for the next one. Default: "reject". */
  readonly whileAway?: "reject" | "wait" | undefined;
  /**
   * Bytes that may wait for the next connection, a string's UTF-16 units counted for text; more is rejected with
   * `TOO_MUCH_BUFFERED`. 0 or Infinity: no limit. Default: 1 MiB.
   */
  readonly maxWaiting?: number | undefined;
  /**
   * Bytes of messages that connections before the last ended one have left, and nobody has asked for, a string's UTF-16
   * units counted for text. What is more is dropped, the oldest messages first. 0 or Infinity: no limit. Default: 1 MiB.
   */
  readonly maxUnread?: number | undefined;
}

/** A message that waits for a connection. */
interface WaitingReceiver {
  readonly data: string | Binary | BlobLike | PreparedMessage;
  readonly options: SendOptions | undefined;
  readonly sent: Deferred<void>;
}

/** A client that stays connected. Made by {@link reconnecting}. */
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
  /** Whether anybody has ever asked for a message: what came before is nobody's. */
  #isReceiving = false;
  /** Whether anybody has asked for what tells of the end. */
  #isAwaited = false;
  /** Messages of connections that have ended, none of which is kept itself. */
  readonly #unread = new Fifo<Data>();
  #unreadSize = 0;
  readonly #maxUnread: number;
  /** Whether the process lives on for it. */
  #holds = true;
  /** Settled when all that ended connections still hold is in `#unread`; undefined where it is. */
  #emptying: Promise<void> | undefined;

  /**
   * @internal For the library: use {@link reconnecting}, which checks the names and types of options.
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

  /** Where it stands. */
  get state(): ReconnectState {
    return this.#reconnector.state;
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
   * @param data As for `send` of a connection, a Blob in a browser alone; bytes that wait for one are lent until the promise is settled.
   * @returns As `send` of a connection. Rejects with `ClosedError` where there is none, or, where `whileAway` is "wait",
   * with `LimitError` `TOO_MUCH_BUFFERED` and as {@link ready} does.
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
  receive(options: ReceiveOptions = {}): Promise<Data> {
    const { clock } = this.#reconnector;
    const { receiveTimeout } = this.#rules;
    return receiveWithin({ ...options, clock, holds: this.#holds, receiveTimeout }, (limit) =>
      this.#receive(limit),
    );
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
          const { ending } = this.#reconnector;
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
    this.#reconnector.finish({ cause: "closed", closure: undefined, error }, status, reason);
    return this.closed;
  }

  /** The process lives on for it: while it is connected, connects, or waits to do so. So it is at the beginning. */
  ref(): void {
    this.#hold(true);
  }

  /**
   * The process may end although it is connected, or waits for the next attempt. An attempt that is under way is waited for.
   * In a browser it changes nothing.
   */
  unref(): void {
    this.#hold(false);
  }

  #hold(holds: boolean): void {
    this.#holds = holds;
    this.#reconnector.hold(holds);
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

/** UTF-16 units of a string, bytes of all else. @throws {TypeError} Not data. */
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

/** Gives the next message of a connection; undefined where it is over, and nothing is left. */
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
