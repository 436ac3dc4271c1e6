/**
 * Reports errors of an application that none of its handlers gets. Each error is reported once, to the console if the application
 * has not chosen otherwise.
 *
 * Only errors of the application's own code are reported. Errors that a peer causes are not, because a stranger could fill a disk
 * with them.
 *
 * @module
 */

import { callback, either, type Kind, oneOf } from "../check-options.ts";
import { callSafely } from "./call-safely.ts";
import type { Side } from "../endpoint/endpoint.ts";
import type { TimeoutError } from "../errors.ts";
import { consolePrinter, type ErrorPrinter } from "./error-printer.ts";
import type { ErrorSource, ErrorThrower } from "./error-source.ts";

/**
 * What happens to errors that no handler gets. "print": they are written to the console (`console.error`), at most 20 in a
 * minute, and the number of further ones. "ignore": nothing. A function: is called with each error.
 */
export type UnhandledErrors =
  | "print"
  | "ignore"
  | ((error: unknown, source: ErrorSource) => unknown);

/** The kind of the option. */
export const unhandledErrorsKind: Kind = /* @__PURE__ */ either(
  /* @__PURE__ */ oneOf("print", "ignore"),
  callback,
);

/** Facts about the connection on which an error occurred. */
export interface ErrorPlace {
  readonly remoteAddress?: string | undefined;
  /** The client behind trusted proxies. */
  readonly peer?: { readonly address: string | undefined };
  /** Path and query of the request. */
  readonly target?: string | undefined;
}

/** Reports the errors of one server or client. Never throws. */
export class UnhandledErrorReporter {
  readonly #choice: UnhandledErrors;
  readonly #side: Side;
  readonly #printer: () => ErrorPrinter;
  /** The errors that were reported. An error that is thrown again is not reported a second time. */
  readonly #told = new WeakSet();

  /** @param printer Gives the printer. Default: the shared printer for the console. */
  constructor(
    choice: UnhandledErrors | undefined,
    side: Side,
    printer: () => ErrorPrinter = consolePrinter,
  ) {
    this.#choice = choice ?? "print";
    this.#side = side;
    this.#printer = printer;
  }

  /** The application's own code has thrown an error that no handler gets. */
  report(error: unknown, thrower: ErrorThrower, place: ErrorPlace = {}): void {
    if (this.#choice === "ignore" || isPeersDoing(error)) return;
    if (typeof error === "object" && error !== null) {
      if (this.#told.has(error)) return;
      this.#told.add(error);
    }
    const remoteAddress = place.peer?.address ?? place.remoteAddress;
    const path = place.target?.split("?", 1)[0];
    const source: ErrorSource = { thrower, side: this.#side, remoteAddress, path };
    if (this.#choice === "print") this.#printer().print(error, source);
    else this.#call(this.#choice, error, source);
  }

  #call(choice: UnhandledErrors & object, error: unknown, source: ErrorSource): void {
    // The application's own reporter has failed. So the error is printed.
    const fail = (reason: unknown): void => {
      this.#printer().print(error, source);
      this.#printer().print(reason, { ...source, thrower: "unhandledErrors" });
    };
    callSafely(() => choice(error, source), fail);
  }
}

/*
 * This code recognizes errors by their names, as client/transient.ts does. Importing the classes would bring the messages of all
 * codes into bundles that do not use them.
 */

/** Tells whether the error is about a peer that broke a rule, exceeded a limit, or was too slow. */
function isPeersDoing(error: unknown): boolean {
  const { name, code } = Object(error) as TimeoutError;
  return (
    /^(Protocol|Limit)Error$/.test(name) || (name === "TimeoutError" && code === "RECEIVE_TIMEOUT")
  );
}

/** Tells whether the error is framewire's own report of a connection that has failed or ended. */
export function isOfConnection(error: unknown): boolean {
  const { name, code } = Object(error) as TimeoutError;
  // A DOMException may have the same name, but its code is a number.
  return (
    typeof code === "string" &&
    /^(Protocol|Limit|Closed|Dial|Handshake|Timeout|Transport)Error$/.test(name)
  );
}
