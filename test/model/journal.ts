import { ClosedError, LimitError, TimeoutError } from "../../src/errors.ts";
import type { Who } from "./actions.ts";
import type { Data } from "./content.ts";

/*
 * What has happened on one connection, as the model sees it: what was sent, what came, which promises are under way.
 *
 * Time is a count of what happened ("stamp"), so that before and after can be told.
 */

/** A message that was sent, or begun. */
export interface Entry {
  readonly label: string;
  readonly text: boolean;
  /** What is in it, as far as it has come. */
  data: Data;
  /**
   * When it took its place among the others: between these two. A message takes it when it is sent, one in pieces with its
   * first piece; of a generator's first piece it is only known to be sent a little after it was given.
   */
  readonly placedFrom: number;
  placedTo: number;
  /** When its last piece was given; Infinity before. */
  completedAt: number;
  /** Whether it was rejected, or given up: it must not come, and others need not wait for it. */
  isVoid: boolean;
  /** Whether its sender was told that it will not go, for the connection is over. */
  isRefused: boolean;
}

/** A message that has come, or a part of it. */
export interface Receipt {
  /** When it was asked for, or given to a handler. */
  readonly at: number;
  /** "asked": not there yet. "left": the rest was not wanted. "broken": the connection ended inside it. */
  state: "asked" | "reading" | "whole" | "left" | "broken";
  text: boolean;
  data: Data;
}

/** A promise of the library. */
export interface Tracked {
  readonly what: string;
  readonly promise: Promise<unknown>;
  state: "pending" | "fulfilled" | "rejected";
  error: unknown;
}

/** What the tests throw themselves: a handler, a source, an abort. */
export class Mishap extends Error {
  override readonly name = "Mishap";
}

/** Errors that a promise of the library may reject with. */
const expected = [ClosedError, LimitError, TimeoutError, Mishap];

export class Journal {
  /** What does not hold. */
  readonly findings: string[] = [];
  readonly tracked: Tracked[] = [];
  #stamp = 0;

  /** Counts something that happens, and gives its number. */
  stamp(): number {
    return ++this.#stamp;
  }

  get now(): number {
    return this.#stamp;
  }

  found(finding: string): void {
    if (!this.findings.includes(finding)) this.findings.push(finding);
  }

  /**
   * Follows a promise of the library, which has to settle some day.
   *
   * @param isStreams Whether it is one of a Web Stream, which has errors of its own.
   */
  track(what: string, promise: Promise<unknown>, isStreams = false): Tracked {
    const tracked: Tracked = { what, promise, state: "pending", error: undefined };
    this.tracked.push(tracked);
    promise.then(
      () => {
        this.stamp();
        tracked.state = "fulfilled";
      },
      (error: unknown) => {
        this.stamp();
        tracked.state = "rejected";
        tracked.error = error;
        if (!isStreams && !expected.some((kind) => error instanceof kind)) {
          this.found(`${what} rejects with what is nobody's business: ${String(error)}`);
        }
      },
    );
    return tracked;
  }
}

/** The other one. */
export function otherThan(who: Who): Who {
  return who === "client" ? "server" : "client";
}
