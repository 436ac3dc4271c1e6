/**
 * A server's backplane, as the application sees it: its options, its events and its counters.
 *
 * @module
 */

import { callback, milliseconds, number, oneOf, type OptionTable } from "../../check-options.ts";
import type { BackplaneError } from "../../errors.ts";
import type { BackplaneState } from "./backplane.ts";
import type { CarryingOverflow } from "./carrier.ts";
import type { Stamp } from "./histories.ts";

/** How a server uses its backplane. */
export interface CarryingOptions {
  /**
   * Bytes of publications that may wait for the broker, or for its answer. One message may be larger if nothing else waits.
   * Default: 16 777 216; 0 or Infinity for no limit.
   */
  readonly maxWaiting?: number | undefined;
  /**
   * Which publications are given up at `maxWaiting`: "newest" for the new one, "oldest" for those that waited longest.
   * Default: "newest".
   */
  readonly overflow?: CarryingOverflow | undefined;
  /**
   * Milliseconds that the broker has to answer. After that `carried` rejects, `subscribe` resolves with false, and the state is
   * "down". `serve` also waits this long for the backplane. Default: 10 000; 0 or Infinity for no limit.
   */
  readonly timeout?: number | undefined;
  /** Milliseconds that the broker's subscription to a topic outlives its last subscriber. Default: 5 000; 0 to end it at once. */
  readonly linger?: number | undefined;
  /**
   * Makes what subscribers get in the place of a message of a topic with a history. It can add the message's position, so that a
   * client can later say where it was. If it throws, the message is not delivered, and the error goes to the option
   * `unhandledErrors`. Default: the message itself.
   */
  readonly stamp?: Stamp | undefined;
}

/** The defaults of the options. */
export const defaultCarrying: Required<{
  [Name in Exclude<keyof CarryingOptions, "overflow" | "stamp">]: number;
}> = { maxWaiting: 16 * 1024 ** 2, timeout: 10_000, linger: 5000 };

/** The type of each option. */
export const carryingTable: OptionTable<CarryingOptions> = {
  maxWaiting: number,
  overflow: oneOf("newest", "oldest"),
  timeout: milliseconds,
  linger: milliseconds,
  stamp: callback,
};

/** The broker can be reached again, and answers. */
export interface BackplaneUp {
  /** The kind of event. */
  readonly type: "up";
}

/** The broker cannot be reached, or does not answer. */
export interface BackplaneDown {
  /** The kind of event. */
  readonly type: "down";
  /** `DOWN` if the driver said so, with the driver's reason as `cause`; `TIMEOUT` if an answer is overdue. */
  readonly error: BackplaneError;
}

/** Messages from other servers to this one may have been lost. */
export interface BackplaneGap {
  /** The kind of event. */
  readonly type: "gap";
  /** The topics of the messages; undefined for all subscribed topics. */
  readonly topics: readonly string[] | undefined;
  /** Number of missing messages; undefined if it is unknown. */
  readonly missing: number | undefined;
  /** The `id` of the publishing server's backplane; undefined if messages of any server may be missing. */
  readonly node: string | undefined;
}

/** An error that does not mend itself. */
export interface BackplaneFailure {
  /** The kind of event. */
  readonly type: "error";
  /**
   * `REFUSED`: the broker refused a subscription or the joining. `ENVELOPE_VERSION`: another server has another version; told
   * once per version.
   */
  readonly error: BackplaneError;
  /** The topic of the subscription that was refused; otherwise undefined. */
  readonly topic: string | undefined;
}

/** An event of a server's backplane. */
export type BackplaneEvent = BackplaneUp | BackplaneDown | BackplaneGap | BackplaneFailure;

/** Counts of what has gone over a backplane. */
export interface BackplaneCounters {
  /** Messages that this server published. */
  readonly published: number;
  /** Published messages that the broker has taken. */
  readonly carried: number;
  /** Published messages that were given up. If the broker takes one after its timeout, it counts in `carried`, too. */
  readonly failed: number;
  /** Bytes of the messages that wait for the broker, or for its answer. */
  readonly waiting: number;
  /** Messages of other servers that came for subscribers of this server. */
  readonly delivered: number;
  /** Messages that were dropped: not framewire's, of another version, damaged, or the option `stamp` threw. */
  readonly dropped: number;
  /** Messages that were not delivered because they, or later messages of the same publisher, had come before. */
  readonly duplicates: number;
  /** Gaps that were noticed. */
  readonly gaps: number;
  /** Milliseconds from publishing to the broker's answer, for the last message that it took; undefined before the first. */
  readonly roundTripTime: number | undefined;
}

/** A server's backplane, as the application sees it. */
export interface BackplaneStatus {
  /** This server's id: 32 hexadecimal digits, random. */
  readonly id: string;
  /** "up" while the broker can be reached and answers. */
  readonly state: BackplaneState;
  /** Counts of what has gone over the backplane until now. */
  readonly counters: BackplaneCounters;
}
