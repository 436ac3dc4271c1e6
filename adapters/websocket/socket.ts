/**
 * The implementation behind a WebSocket: its state, and its events, each in a separate task (WHATWG WebSockets, 4).
 *
 * Theory of operation. What happens on the connection is queued, and a task is queued for each. The state changes in these tasks,
 * so that a handler sees the state that belongs to its event, even if more has happened since. Only `close()` changes the state
 * at once.
 *
 * @module
 */

import { AbortSource } from "../../src/connection/client/abort-source.ts";
import type { ClientOptions } from "../../src/connection/client/connect.ts";
import { type Connection, linkOf } from "../../src/connection/connection.ts";
import type { ConnectionLink } from "../../src/connection/connection-link.ts";
import type { Handlers } from "../../src/connection/handlers.ts";
import { type Deferred, newDeferred } from "../../src/deferred.ts";
import type { Closure } from "../../src/errors.ts";
import { Fifo } from "../../src/fifo.ts";
import { StatusAbnormalClosure } from "../../src/status.ts";
import { closeEvent, failureEvent, messageEvent } from "./events.ts";
import type { Sendable } from "./conversions.ts";
import { type CloseFrame, Outgoing } from "./outgoing.ts";
import { queueTask, type TaskOwner } from "./tasks.ts";
import type { BinaryType } from "./types.ts";

/** The values of `readyState`. */
export const states = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 } as const;

/** The type of an adapter's `connect`. */
export type OpenConnection = (
  url: string,
  options: ClientOptions<Socket>,
  handlers: Handlers<Socket>,
) => Promise<Connection<Socket>>;

/** What has happened on the connection: a message has come, it is open, or it is over. */
type Happening = string | Uint8Array | typeof opened | Closure;

const opened = Symbol("open");

/**
 * Bytes of messages with waiting events, from which on the connection waits. The events are dispatched in the next round of the
 * event loop, so that more than one chunk of the network waits only if the loop is held up.
 */
const maxQueued = 256 * 1024;

/** Makes the bytes of a message. They have their own ArrayBuffer, since the event may contain that buffer. */
export function ownBytes(
  source: Uint8Array,
  start: number,
  end: number,
  isOwned: boolean,
): Uint8Array {
  const { buffer, byteOffset } = source;
  if (isOwned) return new Uint8Array(buffer, byteOffset + start, end - start);
  return new Uint8Array(buffer.slice(byteOffset + start, byteOffset + end));
}

/** The handlers of a client's connection, which call its WebSocket. */
const clientHandlers: Handlers<Socket> = {
  open(ws) {
    ws.context.onOpen(ws as Connection);
  },
  message: (ws, data) => ws.context.onMessage(data),
  close(ws, closure) {
    ws.context.onClose(closure);
  },
};

/** The state and the events of one WebSocket. */
export class Socket implements TaskOwner {
  readonly url: string;
  protocol = "";
  extensions = "";
  binaryType: BinaryType = "blob";
  readonly #target: EventTarget;
  readonly #origin: string;
  #state: 0 | 1 | 2 | 3 = states.CONNECTING;
  readonly #happened = new Fifo<Happening>();
  /** Whether an event is being dispatched. */
  #isTelling = false;
  #queued = 0;
  // Made when too much waits; settled when there is room again.
  #room: Deferred<void> | undefined;
  #attempt: AbortSource | undefined;
  #wantsProtocol = false;
  #ws: Connection | undefined;
  #link: ConnectionLink | undefined;
  readonly #outgoing = new Outgoing();

  /**
   * @param target The WebSocket, on which events are dispatched.
   * @param url In the standard's form.
   * @param origin The origin for its messages.
   */
  constructor(target: EventTarget, url: string, origin: string) {
    this.#target = target;
    this.url = url;
    this.#origin = origin;
  }

  /** The state for the application. It shows that the peer has begun to close only when no event waits any more. */
  get readyState(): 0 | 1 | 2 | 3 {
    if (this.#state !== states.OPEN || this.#isTelling || this.#happened.length > 0) {
      return this.#state;
    }
    return this.#link!.state === "open" ? states.OPEN : states.CLOSING;
  }

  get bufferedAmount(): number {
    return this.#outgoing.bufferedAmount;
  }

  /** Begins to connect. */
  connect(open: OpenConnection, options: Omit<ClientOptions, "context">): void {
    const attempt = new AbortSource();
    this.#attempt = attempt;
    this.#wantsProtocol = options.protocols !== undefined && options.protocols.length > 0;
    const unfollow = attempt.follow(options.signal);
    open(this.url, { ...options, context: this, signal: attempt }, clientHandlers).then(
      unfollow,
      (error: unknown) => {
        unfollow();
        const failed = { status: StatusAbnormalClosure, reason: "", clean: false } as const;
        this.onClose({ ...failed, initiator: "transport", error });
      },
    );
  }

  /** Takes over an open connection. */
  adopt(ws: Connection): void {
    this.#begin(ws);
    this.#open();
  }

  /** Sends a message, or only counts it if the connection is closing. */
  send(data: Sendable): void {
    this.#outgoing.send(data, this.#state === states.OPEN && this.#link!.state === "open");
  }

  /** Begins the closing handshake; before the connection is open, connecting fails. */
  close(frame: CloseFrame): void {
    const state = this.readyState;
    if (state >= states.CLOSING) return;
    this.#state = states.CLOSING;
    if (state === states.OPEN) {
      this.#outgoing.close(frame);
      return;
    }
    const error = new Error("WebSocket was closed before it was open");
    // The connection may already be open, with its `open` event still waiting.
    this.#link?.terminate(error);
    this.#attempt?.abort(error);
  }

  /** Called when the connection is open. */
  onOpen(ws: Connection): void {
    this.#begin(ws);
    if (this.#wantsProtocol && ws.protocol === "") {
      // RFC 6455 allows a server to choose no subprotocol; the standard does not.
      this.#link!.terminate(new Error("Server has chosen none of the subprotocols"));
      return;
    }
    this.#happen(opened);
  }

  /** Called for each message. @returns A promise that the connection must wait for, or undefined. */
  onMessage(data: string | Uint8Array): Promise<void> | undefined {
    this.#queued += data.length;
    this.#happen(data);
    if (this.#queued < maxQueued) return undefined;
    this.#room ??= newDeferred<void>();
    return this.#room.promise;
  }

  /** Called when the connection is over, or could not be made. */
  onClose(closure: Closure): void {
    this.#outgoing.end(closure.clean);
    this.#happen(closure);
  }

  runTask(): void {
    const happening = this.#happened.shift()!;
    // Messages that the handlers of several events send leave in one write.
    if (this.#happened.length > 0) this.#link?.gather();
    else this.#link?.release();
    this.#isTelling = true;
    if (typeof happening === "string" || happening instanceof Uint8Array) {
      this.#tellMessage(happening);
    } else if (happening === opened) this.#tellOpen();
    else this.#tellClose(happening);
    this.#isTelling = false;
  }

  #happen(happening: Happening): void {
    this.#happened.push(happening);
    queueTask(this);
  }

  #begin(ws: Connection): void {
    this.#ws = ws;
    this.#link = linkOf(ws);
    this.#outgoing.begin(this.#link);
  }

  #open(): void {
    this.#state = states.OPEN;
    this.protocol = this.#ws!.protocol;
    this.extensions = this.#ws!.extensions;
  }

  #tellOpen(): void {
    // The connection may have been closed in between.
    if (this.#state !== states.CONNECTING) return;
    this.#open();
    this.#target.dispatchEvent(new Event("open"));
  }

  #tellMessage(data: string | Uint8Array): void {
    this.#queued -= data.length;
    if (this.#queued < maxQueued && this.#room !== undefined) {
      this.#room.resolve();
      this.#room = undefined;
    }
    if (this.#state !== states.OPEN) return;
    this.#target.dispatchEvent(messageEvent(this.#dataOf(data), this.#origin));
  }

  #tellClose(closure: Closure): void {
    this.#state = states.CLOSED;
    // "If the user agent was required to fail the WebSocket connection": it has ended without a closing handshake.
    if (!closure.clean) this.#target.dispatchEvent(failureEvent(closure.error));
    this.#target.dispatchEvent(closeEvent(closure));
  }

  /** Gives the value of a message event's `data`. */
  #dataOf(data: string | Uint8Array): unknown {
    if (typeof data === "string") return data;
    if (this.binaryType === "blob") return new Blob([data as Uint8Array<ArrayBuffer>]);
    const { buffer, byteOffset, byteLength } = data;
    // Messages of an accepted connection may share one ArrayBuffer.
    const isAlone = byteLength === buffer.byteLength;
    return isAlone ? buffer : buffer.slice(byteOffset, byteOffset + byteLength);
  }
}
