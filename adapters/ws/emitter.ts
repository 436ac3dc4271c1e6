/**
 * An emitter that has the browser's events as well: what a WebSocket is beside its connection.
 *
 * @module
 */

import { EventEmitter } from "node:events";
import {
  addHandler,
  attribute,
  type CloseEvent,
  type ErrorEvent,
  type Event,
  type EventHandler,
  type EventListenerOptions,
  type MessageEvent,
  removeHandler,
  setAttribute,
  type WebSocketEventMap,
} from "./events.ts";
import type { SocketEvents, TypedEmitter } from "./types.ts";

/** Its statics are EventEmitter's; Omit takes its constructor out, which makes emitters without types. */
const Emitter: Omit<typeof EventEmitter, "prototype"> & (new () => TypedEmitter<SocketEvents>) =
  EventEmitter as never;

/** Tells events to listeners of both kinds: those of an emitter, and those of a browser's EventTarget. */
export class WebSocketEmitter extends Emitter {
  /** The handler that an attribute was set to. */
  get onopen(): ((event: Event) => void) | null {
    return attribute(this, "open") as never;
  }

  set onopen(handler: ((event: Event) => void) | null) {
    setAttribute(this, "open", handler);
  }

  /** Likewise. */
  get onmessage(): ((event: MessageEvent) => void) | null {
    return attribute(this, "message") as never;
  }

  set onmessage(handler: ((event: MessageEvent) => void) | null) {
    setAttribute(this, "message", handler);
  }

  /** Likewise. */
  get onerror(): ((event: ErrorEvent) => void) | null {
    return attribute(this, "error") as never;
  }

  set onerror(handler: ((event: ErrorEvent) => void) | null) {
    setAttribute(this, "error", handler);
  }

  /** Likewise. */
  get onclose(): ((event: CloseEvent) => void) | null {
    return attribute(this, "close") as never;
  }

  set onclose(handler: ((event: CloseEvent) => void) | null) {
    setAttribute(this, "close", handler);
  }

  /** Adds a listener as a browser's WebSocket does, of `open`, `message`, `error` or `close`. */
  addEventListener<Name extends keyof WebSocketEventMap>(
    type: Name,
    listener: EventHandler<Name>,
    options?: EventListenerOptions,
  ): void {
    addHandler(this, type, listener as never, options);
  }

  /** Takes it away again. */
  removeEventListener<Name extends keyof WebSocketEventMap>(
    type: Name,
    listener: EventHandler<Name>,
  ): void {
    removeHandler(this, type, listener);
  }
}
