/**
 * Browser events on an emitter: for `addEventListener` and the attributes `onopen`, `onmessage`, `onerror` and `onclose`.
 *
 * @module
 */

import type { EventEmitter } from "node:events";
import type { Data } from "./types.ts";

/** An event. */
export class Event {
  /** Its type, such as "open". */
  readonly type: string;
  /** The WebSocket on which it happened. */
  readonly target: unknown;

  constructor(type: string, target: unknown = null) {
    this.type = type;
    this.target = target;
  }
}

/** A message has come. */
export class MessageEvent extends Event {
  /** Text as a string, binary in the form that `binaryType` asks for. */
  readonly data: Data;

  constructor(target: unknown, data: Data) {
    super("message", target);
    this.data = data;
  }
}

/** The connection is over. */
export class CloseEvent extends Event {
  /** Status code of the peer's close frame; 1005 if the frame had none, 1006 if no close frame came. */
  readonly code: number;
  /** Reason of the peer's close frame. */
  readonly reason: string;
  /** Whether close frames went both ways. */
  readonly wasClean: boolean;

  constructor(target: unknown, code: number, reason: string, wasClean: boolean) {
    super("close", target);
    this.code = code;
    this.reason = reason;
    this.wasClean = wasClean;
  }
}

/** Something went wrong. */
export class ErrorEvent extends Event {
  /** The error that an `error` listener of the emitter gets. */
  readonly error: unknown;
  /** The error's message. */
  readonly message: string;

  constructor(target: unknown, error: unknown, message: string) {
    super("error", target);
    this.error = error;
    this.message = message;
  }
}

/** The events by name. */
export interface WebSocketEventMap {
  /** The connection is open. */
  open: Event;
  /** A message has come. */
  message: MessageEvent;
  /** Something went wrong. */
  error: ErrorEvent;
  /** The connection is over. */
  close: CloseEvent;
}

/** An object with a method that handles events. */
export interface EventHandlerObject<Kind> {
  /** Called with an event. */
  handleEvent(event: Kind): void;
}

/** A listener: a function, or an object with `handleEvent`. */
export type EventHandler<Name extends keyof WebSocketEventMap> =
  | ((event: WebSocketEventMap[Name]) => void)
  | EventHandlerObject<WebSocketEventMap[Name]>;

/** Options of a listener. */
export interface EventListenerOptions {
  /** Whether the listener is called only once. Default: false. */
  once?: boolean | undefined;
}

/** An emitter that knows how its connection ended. */
interface Target extends EventEmitter {
  readonly wasClean: boolean;
}

type Handler = ((event: Event) => void) | { handleEvent?(event: Event): void };

/** The listener that is added to the emitter in the place of a browser's handler. */
interface Wrapper {
  // oxlint-disable-next-line typescript/no-explicit-any -- each event has different values
  (this: Target, ...values: any[]): void;
  handler?: Handler;
  isAttribute?: boolean;
}

/** Makes the browser's event from the values of an emitter's event. */
const makers: Record<string, (target: Target, first: unknown, second: unknown) => Event> = {
  open: (target) => new Event("open", target),
  message: (target, data, isBinary) =>
    new MessageEvent(target, isBinary === true ? (data as Data) : String(data)),
  error: (target, error) =>
    new ErrorEvent(target, error, (error as Error | undefined)?.message ?? ""),
  close: (target, code, reason) =>
    new CloseEvent(target, code as number, String(reason), target.wasClean),
};

function call(handler: Handler, target: Target, event: Event): void {
  if (typeof handler === "function") handler.call(target, event);
  else handler.handleEvent?.(event);
}

function wrap(type: string, handler: Handler, isAttribute: boolean): Wrapper {
  const make = makers[type]!;
  const wrapper: Wrapper = function (first: unknown, second: unknown) {
    call(handler, this, make(this, first, second));
  };
  wrapper.handler = handler;
  wrapper.isAttribute = isAttribute;
  return wrapper;
}

function find(
  target: EventEmitter,
  type: string,
  isWanted: (wrapper: Wrapper) => boolean,
): Wrapper | undefined {
  return (target.listeners(type) as Wrapper[]).find(
    (wrapper) => wrapper.handler !== undefined && isWanted(wrapper),
  );
}

/** Adds a browser's listener, unless it was added before. Events that browsers do not know are ignored. */
export function addHandler(
  target: EventEmitter,
  type: string,
  handler: Handler,
  { once = false }: EventListenerOptions = {},
): void {
  if (!Object.hasOwn(makers, type)) return;
  if (find(target, type, (one) => one.handler === handler && one.isAttribute === false)) return;
  const wrapper = wrap(type, handler, false);
  if (once) target.once(type, wrapper);
  else target.on(type, wrapper);
}

/** Removes a browser's listener. */
export function removeHandler(target: EventEmitter, type: string, handler: unknown): void {
  const found = find(target, type, (one) => one.handler === handler && one.isAttribute === false);
  if (found !== undefined) target.removeListener(type, found);
}

/** Gives the handler of an attribute such as `onopen`; null if there is none. */
export function attribute(target: EventEmitter, type: string): Handler | null {
  return find(target, type, (one) => one.isAttribute === true)?.handler ?? null;
}

/** Sets the handler of an attribute; a value that is no function removes it. */
export function setAttribute(target: EventEmitter, type: string, handler: unknown): void {
  const before = find(target, type, (one) => one.isAttribute === true);
  if (before !== undefined) target.removeListener(type, before);
  if (typeof handler === "function") target.on(type, wrap(type, handler as Handler, true));
}
