/**
 * An emitter that also has the interface of a browser's events: the base class of WebSocket.
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

/** EventEmitter with typed events. `Omit` removes its constructor, which would make emitters without types; the statics stay. */
const Emitter: Omit<typeof EventEmitter, "prototype"> & (new () => TypedEmitter<SocketEvents>) =
  EventEmitter as never;

/** Calls listeners of both kinds: those of an emitter, and those of a browser's EventTarget. */
export class WebSocketEmitter extends Emitter {
  /** The handler of the attribute; null for none. */
  get onopen(): ((event: Event) => void) | null {
    return attribute(this, "open") as never;
  }

  set onopen(handler: ((event: Event) => void) | null) {
    setAttribute(this, "open", handler);
  }

  /** The handler of the attribute; null for none. */
  get onmessage(): ((event: MessageEvent) => void) | null {
    return attribute(this, "message") as never;
  }

  set onmessage(handler: ((event: MessageEvent) => void) | null) {
    setAttribute(this, "message", handler);
  }

  /** The handler of the attribute; null for none. */
  get onerror(): ((event: ErrorEvent) => void) | null {
    return attribute(this, "error") as never;
  }

  set onerror(handler: ((event: ErrorEvent) => void) | null) {
    setAttribute(this, "error", handler);
  }

  /** The handler of the attribute; null for none. */
  get onclose(): ((event: CloseEvent) => void) | null {
    return attribute(this, "close") as never;
  }

  set onclose(handler: ((event: CloseEvent) => void) | null) {
    setAttribute(this, "close", handler);
  }

  /** Adds a listener for `open`, `message`, `error` or `close`, as a browser's WebSocket does. */
  addEventListener<Name extends keyof WebSocketEventMap>(
    type: Name,
    listener: EventHandler<Name>,
    options?: EventListenerOptions,
  ): void {
    addHandler(this, type, listener as never, options);
  }

  /** Removes a listener. */
  removeEventListener<Name extends keyof WebSocketEventMap>(
    type: Name,
    listener: EventHandler<Name>,
  ): void {
    removeHandler(this, type, listener);
  }
}
