/**
 * The contract between a server and a driver, which carries publications to other servers: of this process, of other processes,
 * of other machines. A driver only moves bytes and subscriptions: the server itself handles numbers, echoes, duplicates, gaps,
 * waiting and timeouts.
 *
 * @module
 */

import type { Awaitable } from "../../io/byte-stream.ts";
import type { RuntimeSignal } from "../../transport.ts";
import type { NewHistories } from "./histories.ts";
import type { HistoryPage, Position } from "./history.ts";

/** "up" while publications go to other servers and come from them. */
export type BackplaneState = "up" | "down";

/** A server, as a driver sees it. Its methods never throw. */
export interface BackplaneMember {
  /** The server's id: 32 hexadecimal digits, random. */
  readonly id: string;
  /**
   * Gives the topics that the server wants now. After an outage a driver subscribes to them again before it calls `state("up")`.
   * The server then calls `subscribe` for each topic that the driver has not read from this iterable.
   */
  topics(): Iterable<string>;
  /** Gives the number of the server's connections that are subscribed to a topic. */
  subscribers(topic: string): number;
  /**
   * Takes a message from the broker. A driver calls this in the broker's order, and need not filter: the server recognises its
   * own publications, duplicates, and messages that are not framewire's.
   *
   * @param envelope The message. The server reads it during the call, and does not keep it.
   * @param position The message's position, if the topic has a history. The driver must then deliver the server's own
   * publications, too, since subscribers of this server get them in the order of the history.
   * @param previous The offset of the message before this one in the history, if the driver knows it. With it the server notices
   * missing messages, and reads them by `history`.
   */
  deliver(topic: string, envelope: Uint8Array, position?: Position, previous?: string): void;
  /**
   * Tells that the connection to the broker is lost ("down") or back ("up"). Without a call the state is "up" from joining on.
   *
   * @param reason Why the state is "down", for logs.
   */
  state(now: BackplaneState, reason?: unknown): void;
  /** Tells that messages to this server may have been lost. @param topics The topics of the messages. Default: all. */
  gap(topics?: Iterable<string>): void;
}

/**
 * What a driver gives to a server that joins. Calls for one topic take effect in their order. If a method throws, the server
 * treats that as a rejection.
 */
export interface BackplaneMembership {
  /**
   * Carries an envelope to all other members that have subscribed to the topic. It may come back to this member. If the promise
   * rejects with `BackplaneError` `DOWN`, the server publishes the envelope again as soon as the broker is back; receivers drop
   * duplicates.
   *
   * The broker must keep an envelope of a topic with a history once, even if it is published again. To recognise it, compare
   * bytes 4 to 31: they are the same each time, and no other envelope has them.
   *
   * @param envelope The driver may keep it; nobody changes it.
   * @returns Nothing, or a promise that resolves when the broker has the envelope, with its position if the topic has a history.
   * If the promise rejects with any other error, the server gives the publication up.
   */
  publish(topic: string, envelope: Uint8Array): Awaitable<Position | void>;
  /**
   * Subscribes to a topic that has got its first subscriber on this server. Not called while the state is "down".
   *
   * @returns Nothing, or a promise that resolves when the broker has the subscription: later publications must come.
   */
  subscribe(topic: string): Awaitable<void>;
  /** Ends the subscription to a topic that has had no subscriber for a while. Not called while the state is "down". */
  unsubscribe(topic: string): Awaitable<void>;
  /**
   * Reads the messages that the broker has kept of a topic. Not called while the state is "down".
   *
   * @param since The page begins with the first message after this position. A client may have sent it, so it may be invalid.
   * Undefined: give an empty page with the position of the newest message.
   */
  history?(topic: string, since: Position | undefined): Awaitable<HistoryPage>;
  /**
   * Leaves, because the server is shut down. The driver sends what it got by `publish` if it can, and delivers nothing any more.
   *
   * @param signal Aborts when the server stops waiting: the driver must then drop all that is left, sockets and timers included.
   */
  leave(signal: RuntimeSignal): Awaitable<void>;
}

/**
 * Joins servers, so that a publication on one server reaches the subscribers of all. The messages of one publisher arrive in its
 * order; the server tells lost messages by an event.
 */
export interface Backplane {
  /**
   * Takes a server in, and gives it a new membership. The server calls `leave` to end it.
   *
   * @returns Rejects only with an error that waiting does not mend, such as a wrong password: `serve` then rejects with that
   * error.
   */
  join(member: BackplaneMember): Awaitable<BackplaneMembership>;
  /**
   * The function `histories` of framewire, if the driver's memberships have a `history`; otherwise undefined. It brings
   * subscribers up to date from the history. The driver gives it so that other servers do not load that code.
   */
  readonly histories?: NewHistories | undefined;
  /**
   * Tells whether a topic has a history. The answer must never change, and must be the same on all servers. Messages of such a
   * topic reach all subscribers, those of the publishing server included, only by `deliver` with a position. Default: all topics
   * have one if `histories` is given. Topics that begin with `$framewire:` never have one: servers talk to each other there.
   */
  keeps?(topic: string): boolean;
}
