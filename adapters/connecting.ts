/**
 * What all runtimes have in common while a connection is made: one outcome, and a signal that may forestall it.
 *
 * @module
 */

import type { TransportCode } from "../src/errors.ts";
import type { ConnectOptions, Transport } from "../src/transport.ts";
import { checkRuntime } from "./runtime-version.ts";
import { silent } from "./silent.ts";
import { checkTcp } from "./tcp-options.ts";
import { type TlsTable, withCheckedTls } from "./tls-options.ts";
import { type AddressParts, toTransportError } from "./transport-error.ts";
import { checkUnixPath } from "./unix-path.ts";

/** An attempt to connect, as the adapter that makes it sees it. Its first outcome counts. */
export interface PendingConnect {
  /** Whether it has had its outcome; what is opened later is of no use to anybody. */
  readonly isOver: boolean;
  /** Gives the transport out, or destroys it where the attempt is over. */
  succeed(transport: Transport): void;
  /** Wraps what the runtime said; `otherwise` is the code of what is not known by itself. Default: `FAILED`. */
  fail(cause: unknown, otherwise?: TransportCode): void;
  /** Rejects with `error` as it is: what a tunnel throws is for who gave it. */
  reject(error: unknown): void;
}

/** What is looked at of the options, whatever else they have. */
export type ConnectingOptions = AddressParts &
  Pick<ConnectOptions, "signal" | "keepAlive" | "tls" | "tunnelTls">;

/** @throws {TypeError | RangeError} An option is wrong. */
function checkedOptions<Options extends ConnectingOptions>(
  options: Options,
  tlsTable: TlsTable | undefined,
): Options {
  checkRuntime();
  checkTcp(options);
  checkUnixPath(options.path);
  return tlsTable === undefined ? options : withCheckedTls(options, tlsTable);
}

/** Destroys a transport that nobody got. */
function abandon(transport: Transport): void {
  transport.handler = silent;
  transport.destroy();
}

/**
 * Makes one attempt to connect.
 *
 * @param attach As in `Connect`. Where it throws, the transport is destroyed and the promise rejected with its error.
 * @param begin Starts the attempt, and returns what gives it up. What it throws counts as `fail`. It is given the options with
 * those of TLS as the runtime's own calls have them.
 * @param tlsTable Options of TLS that the runtime knows. Default: they are looked at elsewhere.
 */
export function connecting<Result, Options extends ConnectingOptions>(
  options: Options,
  attach: (transport: Transport) => Result,
  begin: (attempt: PendingConnect, options: Options) => () => void,
  tlsTable?: TlsTable,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const { signal } = options;
    const checked = checkedOptions(options, tlsTable);
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    let isOver = false;
    let giveUp = (): void => {};
    const onAbort = (): void => {
      end();
      giveUp();
      reject(signal?.reason);
    };
    const end = (): void => {
      isOver = true;
      signal?.removeEventListener("abort", onAbort);
    };
    const attempt: PendingConnect = {
      get isOver() {
        return isOver;
      },
      succeed(transport) {
        if (isOver) {
          abandon(transport);
          return;
        }
        end();
        try {
          resolve(attach(transport));
        } catch (error) {
          abandon(transport);
          reject(error);
        }
      },
      fail(cause, otherwise) {
        attempt.reject(toTransportError(cause, otherwise, options));
      },
      reject(error) {
        if (isOver) return;
        end();
        reject(error);
      },
    };
    signal?.addEventListener("abort", onAbort);
    try {
      giveUp = begin(attempt, checked);
    } catch (error) {
      attempt.fail(error);
    }
  });
}
