/**
 * Connects with a browser's own WebSocket.
 *
 * @module
 */

import { AbortSource } from "../../src/connection/client/abort-source.ts";
import { newDeferred } from "../../src/deferred.ts";
import { startTimer } from "../../src/timer.ts";
import { BrowserConnection, type BrowserHandlers } from "./connection.ts";
import { TimeoutError, TransportError } from "./errors.ts";
import { type BrowserOptions, resolveOptions } from "./options.ts";
import type { BrowserSocket, BrowserSocketClass } from "./web-socket.ts";

/**
 * Opens a connection to a WebSocket server, in a browser.
 *
 * @param url With the scheme ws or wss, or http or https, which mean the same; a path leads to the page's own server.
 * @returns Resolves when the connection is open; `open` has been called by then.
 * @throws {TypeError} The URL or an option is wrong, or browsers do not have the option; there is no WebSocket here.
 * @throws {RangeError} An option is out of range.
 * @throws {SyntaxError} The browser's own `DOMException`: another scheme, or an invalid subprotocol.
 * @throws {TimeoutError} `DIAL_TIMEOUT`
 * @throws {TransportError} `FAILED`: a browser does not say why.
 * @throws The signal's reason, if it is aborted.
 */
export async function connect<Context = unknown>(
  url: string | { readonly href: string },
  options: BrowserOptions<Context> = {},
  handlers: BrowserHandlers<Context> = {},
): Promise<BrowserConnection<Context>> {
  const settings = resolveOptions(options, handlers);
  const { timeout, clock } = settings;
  const attempt = new AbortSource();
  const unfollow = attempt.follow(options.signal);
  attempt.check();
  const socket = newSocket(typeof url === "string" ? url : url.href, options.protocols);
  const opened = newDeferred<BrowserConnection<Context>>();
  // The connection is made in this listener, since messages may follow in the same turn.
  socket.addEventListener("open", () => {
    if (attempt.aborted) return;
    const context = options.context as Context;
    opened.resolve(new BrowserConnection(socket, settings, handlers, context));
  });
  socket.addEventListener("close", () => {
    opened.reject(new TransportError("FAILED"));
  });
  const timer = startTimer(clock, timeout, () => {
    attempt.abort(new TimeoutError("DIAL_TIMEOUT", timeout));
  });
  try {
    return await attempt.race(opened.promise);
  } catch (error) {
    socket.close();
    throw error;
  } finally {
    timer.cancel();
    unfollow();
  }
}

/**
 * Makes the WebSocket.
 *
 * @throws {TypeError} The URL is invalid; there is no WebSocket.
 * @throws {SyntaxError} The browser's own: another scheme, or an invalid subprotocol.
 */
function newSocket(url: string, protocols: readonly string[] = []): BrowserSocket {
  const { WebSocket, location } = globalThis as unknown as {
    readonly WebSocket?: BrowserSocketClass;
    readonly location?: { readonly href: string };
  };
  if (WebSocket === undefined) {
    throw new TypeError("No WebSocket here: use framewire/node");
  }
  const { href } = new URL(url, location?.href);
  const socket = new WebSocket(href.replace(/^http/, "ws"), protocols);
  socket.binaryType = "arraybuffer";
  return socket;
}
