/**
 * The options of a client in a browser, and the refusal of options that browsers cannot support.
 *
 * @module
 */

import { checkLimit } from "../../src/arguments.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import type { Signal } from "../../src/transport.ts";

/** Options of a client in a browser: those options of other clients that a browser's WebSocket can support. */
export interface BrowserOptions<Context = unknown> {
  /** Subprotocols to offer, in order of preference. Default: none. */
  readonly protocols?: readonly string[] | undefined;
  /** Milliseconds until the connection is open; 0 or Infinity for no limit. Default: 30 000. */
  readonly timeout?: number | undefined;
  /** Gives up the attempt when it aborts; has no effect once the connection is open. */
  readonly signal?: Signal | undefined;
  /** The value of the connection's `context`. */
  readonly context?: Context | undefined;
  /** Unsent bytes up to which `send` resolves at once; 0 or Infinity for no limit. Default: 256 KiB. */
  readonly highWaterMark?: number | undefined;
  /**
   * Unsent bytes beyond which a message is rejected with `TOO_MUCH_BUFFERED`, unless it is the only unsent one; 0 or Infinity for
   * no limit. Default: 16 MiB.
   */
  readonly maxBufferedAmount?: number | undefined;
  /**
   * Bytes of messages that wait for a handler, or to be asked for; text counts its UTF-16 units. A browser cannot hold a peer
   * back: more than that ends the connection, with `TOO_MUCH_BUFFERED`. 0 or Infinity for no limit. Default: 16 MiB.
   */
  readonly maxUnread?: number | undefined;
  /** Milliseconds for the closing handshake; then the connection counts as closed, with 1006. Default: 10 000. */
  readonly closeTimeout?: number | undefined;
  /** Gives the time. Default: the browser's clock. */
  readonly clock?: Clock | undefined;
}

/** The options with all defaults filled in, without those of the attempt. */
export interface BrowserSettings {
  readonly timeout: number;
  readonly highWaterMark: number;
  readonly maxBufferedAmount: number;
  readonly maxUnread: number;
  readonly closeTimeout: number;
  readonly clock: Clock;
}

const defaults = {
  timeout: 30_000,
  closeTimeout: 10_000,
  highWaterMark: 256 * 1024,
  maxBufferedAmount: 16 * 1024 ** 2,
  maxUnread: 16 * 1024 ** 2,
};

const handlerNames = ["open", "message", "error", "close"];

/**
 * Gives the settings, with defaults filled in.
 *
 * @throws {TypeError} Browsers do not have an option or a handler, or it has a wrong type.
 * @throws {RangeError} A number is out of range.
 */
export function resolveOptions(options: BrowserOptions, handlers: object): BrowserSettings {
  checkNames("option", options, [
    ...Object.keys(defaults),
    ...["protocols", "signal", "context", "clock"],
  ]);
  checkNames("handler", handlers, handlerNames);
  for (const [name, handler] of Object.entries(handlers) as [string, unknown][]) {
    if (handler !== undefined && typeof handler !== "function")
      throw new TypeError(`${name} must be a function`);
  }
  const settings: BrowserSettings & Record<string, unknown> = {
    clock: options.clock ?? systemClock,
    ...defaults,
  };
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || !(name in defaults)) continue;
    checkLimit(name, value);
    settings[name] = value || Infinity;
  }
  return settings;
}

/**
 * Refuses options that browsers, or all clients, do not have: a header, for example, that is silently ignored would be missed on
 * the server.
 *
 * @throws {TypeError} A name is unknown.
 */
export function checkNames(what: string, given: object, known: readonly string[]): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || known.includes(name)) continue;
    throw new TypeError(`A browser's WebSocket has no ${what} ${name}, but ${known.join(", ")}`);
  }
}
