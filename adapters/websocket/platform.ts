/**
 * `framewire/websocket` on platforms that have their own WebSocket, such as a browser or an edge: it exports the platform's
 * class.
 *
 * @module framewire/websocket
 */

type Constructor = new (...given: never[]) => object;

const { WebSocket: Own, CloseEvent: OwnCloseEvent } = globalThis as {
  readonly WebSocket?: new (url: unknown, protocols?: unknown) => object;
  readonly CloseEvent?: Constructor;
};

/** Gives a class of the platform. @throws {Error} The platform has none. */
function required<Given>(name: string, given: Given | undefined): Given {
  if (given !== undefined) return given;
  throw new Error(`framewire/websocket found no ${name} here, and no adapter for this runtime`);
}

/** The platform's own class. It would silently ignore a third argument, which is therefore refused. */
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

/** @throws {TypeError} Always: this platform has no server. */
export function webSocketHandlers(): never {
  throw new TypeError("webSocketHandlers() is for serve(), and this platform has no serve()");
}
