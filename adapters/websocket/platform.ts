/**
 * `framewire/websocket` where the platform has a WebSocket of its own, such as a browser or an edge: that one.
 *
 * @module framewire/websocket
 */

type Constructor = new (...given: never[]) => object;

const { WebSocket: Own, CloseEvent: OwnCloseEvent } = globalThis as {
  readonly WebSocket?: new (url: unknown, protocols?: unknown) => object;
  readonly CloseEvent?: Constructor;
};

/** Gives what the platform has. @throws {Error} It has none. */
function required<Given>(name: string, given: Given | undefined): Given {
  if (given !== undefined) return given;
  throw new Error(`framewire/websocket found no ${name} here, and no adapter for this runtime`);
}

/** The platform's own class. It knows nothing of a third argument, which would be left out in silence. */
export const WebSocket: Constructor = class WebSocket extends required("WebSocket", Own) {
  constructor(url: unknown, protocols: unknown = [], options: object = {}) {
    const names = Object.keys(options);
    if (names.length > 0) {
      throw new TypeError(`This platform's WebSocket has no options: ${names.join(", ")}`);
    }
    super(url, protocols);
  }
};

/** The platform's own class. */
export const CloseEvent: Constructor = required("CloseEvent", OwnCloseEvent);

/** @throws {TypeError} There is no server here. */
export function webSocketHandlers(): never {
  throw new TypeError("webSocketHandlers() is for serve(), which this platform has not");
}
