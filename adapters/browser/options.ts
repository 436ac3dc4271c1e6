/**
 * What a client in a browser may be told, and what it cannot be.
 *
 * @module
 */

import { checkLimit } from "../../src/arguments.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import type { Signal } from "../../src/transport.ts";

/** Options of a client in a browser: those of every client's that a browser's WebSocket has room for. */
export interface BrowserOptions<Context = unknown> {
  /** Subprotocols to offer, the one liked best first. Default: none. */
  readonly protocols?: readonly string[] | undefined;
  /** Milliseconds until the connection is open; 0 or Infinity for no limit. Default: 30 000. */
  readonly timeout?: number | undefined;
  /** Gives up when it is aborted; has no say once the connection is open. */
  readonly signal?: Signal | undefined;
  /** What the connection carries as `context`. */
  readonly context?: Context | undefined;
  /** Unsent bytes up to which `send` resolves at once; 0 or Infinity for no limit. Default: 256 KiB. */
  readonly highWaterMark?: number | undefined;
  /**
   * Unsent bytes beyond which a message is rejected with `TOO_MUCH_BUFFERED`, where others are unsent; 0 or Infinity for no limit.
   * Default: 16 MiB.
   */
  readonly maxBufferedAmount?: number | undefined;
  /**
   * Bytes of messages that wait for a handler, or to be asked for, a string's UTF-16 units counted for text. A browser cannot hold a
   * peer back: more than that ends the connection, with `TOO_MUCH_BUFFERED`. 0 or Infinity: no limit. Default: 16 MiB.
   */
  readonly maxUnread?: number | undefined;
  /** Milliseconds for the closing handshake; then the connection counts as closed, with 1006. Default: 10 000. */
  readonly closeTimeout?: number | undefined;
  /** Where time comes from. Default: the browser. */
  readonly clock?: Clock | undefined;
}

/** The options with nothing left open, but for those of the attempt. */
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
 * Fills in defaults.
 *
 * @throws {TypeError} An option or a handler that a browser has not, or of a wrong type.
 * @throws {RangeError} A number is out of its range.
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
 * Refuses what a browser cannot do, or nobody can: a header, say, that is left out in silence would be missed on the server.
 *
 * @throws {TypeError} A name is not known.
 */
export function checkNames(what: string, given: object, known: readonly string[]): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || known.includes(name)) continue;
    throw new TypeError(`A browser's WebSocket has no ${what} ${name}, but ${known.join(", ")}`);
  }
}
