/**
 * A client for browsers, over their own WebSocket: it has the same calls as on other runtimes, and leaves the protocol to the
 * browser.
 *
 * @example
 * import { connect, reconnecting } from "framewire/browser";
 *
 * const feed = reconnecting(({ signal }) => connect("/feed", { signal }), { whileAway: "wait" });
 * for await (const message of feed) console.log(message);
 *
 * @module framewire/browser
 */

import { Reconnecting, type ReconnectOptions } from "../../src/connection/client/reconnecting.ts";
import type {
  ConnectAttempt,
  Reconnectable,
  ReconnectRules,
} from "../../src/connection/client/reconnector.ts";
import type { ErrorSource } from "../../src/connection/error-source.ts";
import { finalStatuses } from "../../src/connection/client/transient.ts";
import { receiveTimeout } from "./connection.ts";
import { LimitError, TimeoutError } from "./errors.ts";
import { checkNames } from "./options.ts";

export { connect } from "./connect.ts";
export { BrowserConnection, type BrowserHandlers } from "./connection.ts";
export type { BrowserOptions } from "./options.ts";
export { ClosedError } from "../../src/errors.ts";
export { LimitError, TimeoutError, TransportError } from "./errors.ts";
export { Reconnecting } from "../../src/connection/client/reconnecting.ts";

/** The names of the options, by groups. */
const names = [
  ...["initialDelay", "maxDelay", "factor", "maxAttempts", "stableAfter", "random"],
  ...["shouldReconnect", "resume", "connected", "disconnected", "signal", "clock"],
  ...["whileAway", "maxWaiting", "maxUnread", "unhandledErrors"],
];

/** The same rules as on other runtimes, as far as a browser tells what has happened. */
const rules: ReconnectRules = {
  isTransient: ({ closure, error }) => {
    if (closure === undefined) return isNoMistake(error);
    if (closure.initiator !== "local") return !finalStatuses.has(closure.status);
    return error === undefined ? !closure.clean : !(error instanceof TimeoutError);
  },
  askedDelay: () => 0,
  // All errors of this entry have a code.
  isOwn: (error) => !("code" in Object(error)),
  newReporter:
    (choice = "print") =>
    (error, thrower) => {
      if (typeof choice === "function") choice(error, { thrower, side: "client" } as ErrorSource);
      else if (choice === "print") console.error(error);
    },
  tooMuchBuffered: (limit, actual) => new LimitError(limit, actual),
  receiveTimeout,
};

/** Tells whether an attempt failed for another reason than a wrong call. A `fetch` that fails throws a TypeError, too. */
function isNoMistake(error: unknown): boolean {
  const { name, message } = Object(error) as Error;
  return !/^(Type|Range|Abort)Error/.test(name) || /fetch|network|load/i.test(message);
}

/**
 * Keeps a client connected. It is the `reconnecting` of the package's main entry, without the protocol.
 *
 * @param open Makes one connection, with {@link connect}.
 * @throws {TypeError} An option is unknown, or `open` is no function.
 * @throws {RangeError} An option is out of range.
 */
export function reconnecting<Ws extends Reconnectable>(
  open: (attempt: ConnectAttempt) => Promise<Ws>,
  options: ReconnectOptions<Ws> = {},
): Reconnecting<Ws> {
  if (typeof open !== "function") throw new TypeError("open must be a function");
  checkNames("option", options, names);
  return new Reconnecting(open, options, rules);
}
