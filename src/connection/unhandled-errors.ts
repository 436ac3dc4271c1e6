/**
 * Errors of an application that no handler of it takes: each is told once, to the console unless the application says otherwise.
 *
 * Only what this side's own code has thrown comes here. What a peer does wrong does not: strangers could fill a disk with it.
 *
 * @module
 */

import { callback, either, type Kind, oneOf } from "../check-options.ts";
import { isPromise, whenSettled } from "../deferred.ts";
import type { Side } from "../endpoint/endpoint.ts";
import type { TimeoutError } from "../errors.ts";
import { consolePrinter, type ErrorPrinter } from "./error-printer.ts";
import type { ErrorSource, ErrorThrower } from "./error-source.ts";

/**
 * What becomes of errors that no handler takes. "print": they are written to the console (`console.error`), 20 in a minute at the
 * most, and of those beyond their number. "ignore": nothing. Or a function that is called with each of them.
 */
export type UnhandledErrors =
  "print" | "ignore" | ((error: unknown, source: ErrorSource) => unknown);

/** What the option may be. */
export const unhandledErrorsKind: Kind = /* @__PURE__ */ either(
  /* @__PURE__ */ oneOf("print", "ignore"),
  callback,
);

/** What is known of the connection that an error comes from. */
export interface ErrorPlace {
  readonly remoteAddress?: string | undefined;
  /** The client behind proxies that are believed. */
  readonly peer?: { readonly address: string | undefined };
  /** Path and query of its request. */
  readonly target?: string | undefined;
}

/** Tells of the errors of one server or client. Never throws. */
export class UnhandledErrorReporter {
  readonly #choice: UnhandledErrors;
  readonly #side: Side;
  readonly #printer: () => ErrorPrinter;
  /** An error that is thrown again, or passed from hand to hand, is told once. */
  readonly #told = new WeakSet();

  /** @param printer Gives what prints. Default: the one that all share, for the console. */
  constructor(
    choice: UnhandledErrors | undefined,
    side: Side,
    printer: () => ErrorPrinter = consolePrinter,
  ) {
    this.#choice = choice ?? "print";
    this.#side = side;
    this.#printer = printer;
  }

  /** This side's own code has thrown, and no handler takes it. */
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
    // The last one who could be told has failed: nothing is lost for it.
    const fail = (reason: unknown): void => {
      this.#printer().print(error, source);
      this.#printer().print(reason, { ...source, thrower: "unhandledErrors" });
    };
    try {
      const result = choice(error, source);
      if (isPromise(result)) whenSettled(result, undefined, fail);
    } catch (reason) {
      fail(reason);
    }
  }
}

/*
 * Errors are told by their names here, as in client/transient.ts: the classes would bring the texts of all codes into a bundle that
 * has no use for them.
 */

/** Tells whether an error says that a peer broke a rule, went past a limit, or was silent for too long. */
function isPeersDoing(error: unknown): boolean {
  const { name, code } = Object(error) as TimeoutError;
  return (
    /^(Protocol|Limit)Error$/.test(name) || (name === "TimeoutError" && code === "RECEIVE_TIMEOUT")
  );
}

/** Tells whether an error is how framewire says that a connection did not come about, or has ended. */
export function isOfConnection(error: unknown): boolean {
  const { name, code } = Object(error) as TimeoutError;
  // A DOMException may be called so, too; its code is a number.
  return (
    typeof code === "string" &&
    /^(Protocol|Limit|Closed|Dial|Handshake|Timeout|Transport)Error$/.test(name)
  );
}
