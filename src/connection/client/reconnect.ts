/**
 * The function `reconnecting`, which checks its options.
 *
 * @module
 */

import {
  callback,
  checkKind,
  checkOptions,
  clock,
  type Kind,
  milliseconds,
  number,
  oneOf,
  type OptionTable,
  signal as signalKind,
} from "../../check-options.ts";
import { type DialError, LimitError, TimeoutError } from "../../errors.ts";
import {
  isOfConnection,
  UnhandledErrorReporter,
  unhandledErrorsKind,
} from "../unhandled-errors.ts";
import { Reconnecting, type ReconnectOptions } from "./reconnecting.ts";
import type { ConnectAttempt, Reconnectable, ReconnectRules } from "./reconnector.ts";
import { retryAfter } from "./retry-after.ts";
import { isOfNetwork, isTransient } from "./transient.ts";

/** The rules of clients that speak HTTP and WebSocket themselves. */
export const rules: ReconnectRules = {
  isTransient,
  askedDelay(error) {
    const { name, headers } = Object(error) as DialError;
    return name === "DialError" ? retryAfter(headers) : 0;
  },
  isOwn: (error) => !isOfConnection(error) && !isOfNetwork(error),
  newReporter(choice) {
    const reporter = new UnhandledErrorReporter(choice, "client");
    return (error, thrower) => {
      reporter.report(error, thrower);
    };
  },
  tooMuchBuffered: (limit, actual) => new LimitError("TOO_MUCH_BUFFERED", limit, actual),
  receiveTimeout: (milliseconds) => new TimeoutError("RECEIVE_TIMEOUT", milliseconds),
};

const reconnectTable: OptionTable<ReconnectOptions<Reconnectable>> =
  /* @__PURE__ */ ((): OptionTable<ReconnectOptions<Reconnectable>> => ({
    initialDelay: milliseconds,
    maxDelay: milliseconds,
    factor: number,
    maxAttempts: number,
    stableAfter: milliseconds,
    random: callback,
    shouldReconnect: callback,
    resume: callback,
    connected: callback,
    disconnected: callback,
    unhandledErrors: unhandledErrorsKind,
    signal: signalKind,
    clock,
    whileAway: oneOf("reject", "wait"),
    maxWaiting: number,
    maxUnread: number,
  }))();

const example = "reconnecting(({ signal }) => connect(url, { signal }))";

/** A URL, or a connection that already exists, cannot be opened again. So a function is needed. */
const attemptKind: Kind = { ...callback, instead: () => example };

/**
 * Keeps a client connected.
 *
 * It connects at once. When the connection is lost, or an attempt fails, it waits and tries again, until you call `close`, or
 * another attempt could not help.
 *
 * @param open Opens one connection, with any `connect`.
 * @throws {TypeError} An option is unknown, or of a wrong type.
 * @throws {RangeError} An option is out of its range.
 *
 * @example
 * await using feed = reconnecting(({ signal }) => connect("wss://example.org/feed", { signal }), {
 *   resume: (ws) => ws.send(JSON.stringify({ after: lastId })),
 * });
 * for await (const message of feed) take(message);
 */
export function reconnecting<Ws extends Reconnectable>(
  open: (attempt: ConnectAttempt) => Promise<Ws>,
  options: ReconnectOptions<Ws> = {},
): Reconnecting<Ws> {
  checkKind("open", attemptKind, open);
  checkOptions(options, reconnectTable, { example });
  return new Reconnecting(open, options, rules);
}
