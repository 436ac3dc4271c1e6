/**
 * Event handlers: the attributes `onopen`, `onmessage`, `onerror` and `onclose` (HTML, 8.1.8.1).
 *
 * @module
 */

/** The events of a WebSocket. */
export type SocketEventType = "open" | "message" | "error" | "close";

/**
 * The listener of one attribute. It takes its place among all listeners when the first handler is set, keeps the place when the
 * handler is replaced, and leaves it when the handler is removed.
 */
class HandlerListener {
  /** A function, or another object, which is kept but never called. */
  handler: object;

  constructor(handler: object) {
    this.handler = handler;
  }

  handleEvent(event: Event): void {
    // The return value could only cancel the event, and no event of a WebSocket can be canceled.
    if (typeof this.handler === "function") {
      Reflect.apply(this.handler, event.currentTarget, [event]);
    }
  }
}

/** The event handlers of one target. */
export class EventHandlers {
  readonly #target: EventTarget;
  // One listener for each type of event that has a handler.
  readonly #listeners: { [Type in SocketEventType]?: HandlerListener | undefined } = {};

  constructor(target: EventTarget) {
    this.#target = target;
  }

  /** Gives the handler; null if there is none. */
  get(type: SocketEventType): object | null {
    return this.#listeners[type]?.handler ?? null;
  }

  /** Sets the handler; a value that is no object removes it. */
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
