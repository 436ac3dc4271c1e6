/**
 * A server's backplane, as the application sees it: its options, what it tells, its numbers.
 *
 * @module
 */

import { callback, milliseconds, number, oneOf, type OptionTable } from "../../check-options.ts";
import type { BackplaneError } from "../../errors.ts";
import type { BackplaneState } from "./backplane.ts";
import type { CarryingOverflow } from "./carrier.ts";
import type { Stamp } from "./histories.ts";

/** How a server deals with its backplane. */
export interface CarryingOptions {
  /**
   * Bytes of publications that may wait to be carried, or be under way without the broker's answer; one message may always.
   * Default: 16 777 216; 0 or Infinity for no limit.
   */
  readonly maxWaiting?: number | undefined;
  /** Which publications are not carried where more would wait: those that come, or the oldest. Default: "newest". */
  readonly overflow?: CarryingOverflow | undefined;
  /**
   * Milliseconds that the broker has to answer: then `carried` rejects, `subscribe` resolves with false, and the state is "down".
   * Also how long `serve` waits for the backplane. Default: 10 000; 0 or Infinity for no limit.
   */
  readonly timeout?: number | undefined;
  /** Milliseconds that a topic stays subscribed to at the broker after its last subscriber has left. Default: 5 000; 0 to let go at once. */
  readonly linger?: number | undefined;
  /**
   * What subscribers get of a message of a topic with a history, such as one that tells its position, too, so that a client can say
   * where it was. What it throws is told as the option `unhandledErrors` says, and the message is not delivered. Default: the message itself.
   */
  readonly stamp?: Stamp | undefined;
}

/** What holds unless they say otherwise. */
export const defaultCarrying: Required<{
  [Name in Exclude<keyof CarryingOptions, "overflow" | "stamp">]: number;
}> = { maxWaiting: 16 * 1024 ** 2, timeout: 10_000, linger: 5000 };

/** What may be said of carrying. */
export const carryingTable: OptionTable<CarryingOptions> = {
  maxWaiting: number,
  overflow: oneOf("newest", "oldest"),
  timeout: milliseconds,
  linger: milliseconds,
  stamp: callback,
};

/** The broker is there again. */
export interface BackplaneUp {
  /** Which event it is. */
  readonly type: "up";
}

/** The broker is away, or does not answer. */
export interface BackplaneDown {
  /** Which event it is. */
  readonly type: "down";
  /** `DOWN` where the driver has told it, whose reason is the `cause`; `TIMEOUT` where an answer is overdue. */
  readonly error: BackplaneError;
}

/** Messages of other servers may have been lost on the way here. */
export interface BackplaneGap {
  /** Which event it is. */
  readonly type: "gap";
  /** Of these topics; undefined for all that are subscribed to. */
  readonly topics: readonly string[] | undefined;
  /** How many are missing; undefined where nobody can tell. */
  readonly missing: number | undefined;
  /** Whose they are: the `id` of that server's backplane; undefined for anybody's. */
  readonly node: string | undefined;
}

/** Something is wrong that does not mend itself. */
export interface BackplaneFailure {
  /** Which event it is. */
  readonly type: "error";
  /** `REFUSED`: a subscription, or joining at all. `ENVELOPE_VERSION`: another server is of another version; told once for each. */
  readonly error: BackplaneError;
  /** The topic that was refused. */
  readonly topic: string | undefined;
}

/** Something that a server is told of its backplane. */
export type BackplaneEvent = BackplaneUp | BackplaneDown | BackplaneGap | BackplaneFailure;

/** What has gone over a backplane. */
export interface BackplaneCounters {
  /** Messages that were published here. */
  readonly published: number;
  /** Those of them that the broker has taken. */
  readonly carried: number;
  /** Those of them that were given up. */
  readonly failed: number;
  /** Bytes of those that wait for the broker, or for its answer. */
  readonly waiting: number;
  /** Messages of other servers that came for subscribers here. */
  readonly delivered: number;
  /** What came and could not be read: nothing of framewire's, of another version, or damaged. */
  readonly dropped: number;
  /** Messages that came more than once, or behind later ones; they were not delivered again. */
  readonly duplicates: number;
  /** Gaps that were noticed. */
  readonly gaps: number;
  /** Milliseconds that the broker took for the last message that it answered; undefined before. */
  readonly roundTripTime: number | undefined;
}

/** A server's backplane, as the application sees it. */
export interface BackplaneStatus {
  /** This server's id: 32 hexadecimal digits, random. */
  readonly id: string;
  /** "up" while the broker can be reached and answers. */
  readonly state: BackplaneState;
  /** What has gone over it until now. */
  readonly counters: BackplaneCounters;
}
