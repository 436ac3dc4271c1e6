/**
 * How publications get from one server to others: of this process, of other processes, of other machines. What a driver for a
 * broker has to do, and no more: numbers, echoes, duplicates, gaps, waiting and time are the server's own business.
 *
 * @module
 */

import type { Awaitable } from "../../io/byte-stream.ts";
import type { RuntimeSignal } from "../../transport.ts";
import type { NewHistories } from "./histories.ts";
import type { HistoryPage, Position } from "./history.ts";

/** Whether publications get to other servers, and theirs to this one. */
export type BackplaneState = "up" | "down";

/** A server, as a driver sees it. None of its methods throws. */
export interface BackplaneMember {
  /** The server's id: 32 hexadecimal digits, random. */
  readonly id: string;
  /**
   * The topics that are wanted now. After an outage a driver subscribes to them again, before it says "up"; what it has not
   * taken from here by then is asked for by `subscribe` once more.
   */
  topics(): Iterable<string>;
  /** How many connections of the server are subscribed to a topic. */
  subscribers(topic: string): number;
  /**
   * Takes what came from the broker, in its order. What the server has published itself may be among it, and what came twice, and
   * what is none of framewire's: the server finds out.
   *
   * @param envelope Read, and not kept.
   * @param position Where it stands, of a topic with a history. The server's own publications must be among those, since subscribers
   * here get them in the order of the history, too.
   * @param previous The offset of the message in front of it in the history, where the driver knows: what is missing between two
   * messages is then noticed, and asked for by `history`.
   */
  deliver(topic: string, envelope: Uint8Array, position?: Position, previous?: string): void;
  /**
   * The broker can be reached no more, or again. A member that has joined is "up", until it is told otherwise.
   *
   * @param reason What went wrong, for logs.
   */
  state(now: BackplaneState, reason?: unknown): void;
  /** Something may have been lost on the way here. @param topics Of these topics. Default: of all. */
  gap(topics?: Iterable<string>): void;
}

/**
 * What a server has of a backplane. Calls that concern one topic take effect in their order. Where one of them throws, that is a
 * rejection.
 */
export interface BackplaneMembership {
  /**
   * Carries an envelope to all other members that have subscribed to the topic. It may come back; and it is given again where
   * the promise rejects with `BackplaneError` `DOWN`, as soon as the broker is back: receivers drop what they have.
   *
   * @param envelope The driver's to keep; nobody changes it.
   * Of a topic with a history it is to be kept once, however often it is given: bytes 4 to 31 of the envelope are the same each time,
   * and no other's.
   *
   * @returns Nothing, or a promise that resolves when the broker has it, with its position where there is a history. With any other
   * rejection it is given up.
   */
  publish(topic: string, envelope: Uint8Array): Awaitable<Position | void>;
  /**
   * The topic has got its first subscriber here. Not called while the state is "down".
   *
   * @returns Nothing, or a promise that resolves when the broker has it: what is published from then on comes.
   */
  subscribe(topic: string): Awaitable<void>;
  /** The topic has had no subscriber here for a while. Not called while the state is "down". */
  unsubscribe(topic: string): Awaitable<void>;
  /**
   * Gives what was kept of a topic with a history. Not called while the state is "down".
   *
   * @param since The position behind which it begins; it may be anybody's invention. Undefined: behind the newest message, so
   * that the page is empty and its position is what is asked for.
   */
  history?(topic: string, since: Position | undefined): Awaitable<HistoryPage>;
  /**
   * The server is shut down: what was given to `publish` is let out, where that is possible; nothing is delivered any more.
   *
   * @param signal Aborts when the server waits no longer: what is left is to be dropped, sockets and timers included.
   */
  leave(signal: RuntimeSignal): Awaitable<void>;
}

/**
 * Joins servers, so that what is published on one reaches the subscribers of all. What comes from one publisher arrives
 * in its order, or is told as missing.
 */
export interface Backplane {
  /**
   * Takes a server in; what it gives is that server's own. `leave` ends it.
   *
   * @returns Rejects only with what waiting does not mend, such as a wrong password: `serve` then rejects with it.
   */
  join(member: BackplaneMember): Awaitable<BackplaneMembership>;
  /**
   * What keeps subscribers in step with a history: `histories` of framewire, given by a driver whose memberships have a `history`, so
   * that only servers with one carry its code. Absent where there is none.
   */
  readonly histories?: NewHistories | undefined;
  /**
   * Tells whether a topic has a history: always the same, and the same on all servers. Its messages get to subscribers, those of the
   * publisher's own server included, by `deliver` with a position alone. Default: all have, where there is `histories`. What begins with
   * `$framewire:` never has one: servers talk to each other there.
   */
  keeps?(topic: string): boolean;
}
