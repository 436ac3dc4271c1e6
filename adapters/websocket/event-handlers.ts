/**
 * Event handlers: the attributes `onopen`, `onmessage`, `onerror` and `onclose` (HTML, 8.1.8.1).
 *
 * @module
 */

/** The events of a WebSocket. */
export type SocketEventType = "open" | "message" | "error" | "close";

/**
 * One attribute's listener. It takes its place among all listeners when a handler is set where none was, keeps it when that is
 * replaced, and gives it up when the handler is taken away.
 */
class HandlerListener {
  /** A function, or an object, which is kept but never called. */
  handler: object;

  constructor(handler: object) {
    this.handler = handler;
  }

  handleEvent(event: Event): void {
    // What it returns could only cancel the event, and no event of a WebSocket can be canceled.
    if (typeof this.handler === "function") {
      Reflect.apply(this.handler, event.currentTarget, [event]);
    }
  }
}

/** The event handlers of one target. */
export class EventHandlers {
  readonly #target: EventTarget;
  // One for each type of event that has a handler.
  readonly #listeners: { [Type in SocketEventType]?: HandlerListener | undefined } = {};

  constructor(target: EventTarget) {
    this.#target = target;
  }

  /** Gives what was set, null where that was no object. */
  get(type: SocketEventType): object | null {
    return this.#listeners[type]?.handler ?? null;
  }

  /** Sets a handler; what is no object takes it away. */
  set(type: SocketEventType, value: unknown): void {
    const isHandler = typeof value === "function" || (typeof value === "object" && value !== null);
    const present = this.#listeners[type];
    if (!isHandler) {
      if (present === undefined) return;
      this.#target.removeEventListener(type, present);
      this.#listeners[type] = undefined;
    } else if (present === undefined) {
      const listener = new HandlerListener(value);
      this.#listeners[type] = listener;
      this.#target.addEventListener(type, listener);
    } else {
      present.handler = value;
    }
  }
}
