/**
 * Connecting, as far as it is the same on all runtimes: an attempt has one outcome, and a signal may end it earlier.
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

/** An attempt to connect, as its adapter sees it. Only its first outcome counts. */
export interface PendingConnect {
  /** Whether the attempt has had its outcome; the adapter then drops everything that it opens later. */
  readonly isOver: boolean;
  /** Gives the transport to the caller, or destroys it if the attempt is over. */
  succeed(transport: Transport): void;
  /** Wraps the runtime's error; `otherwise` is the code for an error that is not recognized. Default: `FAILED`. */
  fail(cause: unknown, otherwise?: TransportCode): void;
  /** Rejects with `error` unchanged: an error of a tunnel belongs to the application that gave the tunnel. */
  reject(error: unknown): void;
}

/** The options that are checked here. */
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

/** Destroys a transport that the caller did not get. */
function abandon(transport: Transport): void {
  transport.handler = silent;
  transport.destroy();
}

/**
 * Makes one attempt to connect.
 *
 * @param attach As in `Connect`. If it throws, the transport is destroyed, and the promise rejects with its error.
 * @param begin Starts the attempt, and returns a function that ends it. An error that it throws counts as `fail`. It gets the
 * options, with the options of TLS in the form of the runtime's own calls.
 * @param tlsTable Options of TLS that the runtime knows. Default: they are checked elsewhere.
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
