/**
 * The options of presence with their defaults and bounds, its handlers, and the types of its results.
 *
 * @module
 */

import { checkLimit } from "../../arguments.ts";
import { callback, checkOptions, number, type OptionTable } from "../../check-options.ts";

/** A member of a topic: all connections with one key, on all nodes. */
export interface PresenceMember {
  /** The key, which the application chooses, such as the name of a user. */
  readonly key: string;
  /** The last state that any connection gave this key; undefined if none did. Shared: do not change it. */
  readonly state: unknown;
  /** Number of connections with this key. */
  readonly connections: number;
}

/** What presence uses of a connection: a `Connection` of a server fits. */
export interface PresentConnection {
  /** Only a connection that is "open" can enter a topic. */
  readonly state: string;
  /** Resolves when the connection has ended: it then leaves its topics. */
  readonly closed: Promise<unknown>;
}

/** The limits of presence. */
export interface PresenceOptions {
  /** Topics that this node watches, or that its connections are in. Default: 10 000; 0 or Infinity for no limit. */
  readonly maxTopics?: number | undefined;
  /** Keys that one node may have in one topic. Default: 10 000; 0 or Infinity for no limit. Give all nodes the same value. */
  readonly maxKeys?: number | undefined;
}

/**
 * Handlers for the topics that this node watches, or that its connections are in. They get each change once, and in order. An
 * error that a handler throws, or rejects with, goes to the option `unhandledErrors` of `joinNodes`.
 */
export interface PresenceHandlers {
  /** The first connection of a key has entered. */
  joined?(topic: string, member: PresenceMember): unknown;
  /** The last connection of a key has left; `member.state` is its last state. */
  left?(topic: string, member: PresenceMember): unknown;
  /** The state of a key has changed. */
  updated?(topic: string, member: PresenceMember): unknown;
}

/** The members of a topic, gathered from all nodes. */
export interface Gathered {
  /** The members, those of this node included. */
  readonly members: PresenceMember[];
  /** Ids of the nodes that did not answer in time, or whose keys did not fit into one message. */
  readonly missing: readonly string[];
}

/** The options with their defaults filled in; Infinity for no limit. */
export type PresenceLimits = { readonly [Name in keyof PresenceOptions]-?: number };

const optionTable: OptionTable<PresenceOptions> = { maxTopics: number, maxKeys: number };
const handlerTable: OptionTable<PresenceHandlers> = {
  joined: callback,
  left: callback,
  updated: callback,
};

/** Checks options and handlers, and fills in defaults. @throws {TypeError} @throws {RangeError} */
export function resolvePresence(
  options: PresenceOptions,
  handlers: PresenceHandlers,
): PresenceLimits {
  checkOptions(options, optionTable, { elsewhere: handlerTable });
  checkOptions(handlers, handlerTable, { what: "handler", elsewhere: optionTable });
  const { maxTopics = 10_000, maxKeys = 10_000 } = options;
  checkLimit("maxTopics", maxTopics);
  checkLimit("maxKeys", maxKeys);
  return { maxTopics: maxTopics || Infinity, maxKeys: maxKeys || Infinity };
}
