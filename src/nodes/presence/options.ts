/**
 * What may be said of presence: options, with their defaults and bounds, and handlers.
 *
 * @module
 */

import { checkLimit } from "../../arguments.ts";
import { callback, checkOptions, number, type OptionTable } from "../../check-options.ts";

/** Somebody in a topic: all connections with one key, on all nodes. */
export interface PresenceMember {
  /** The application's own, such as the name of a user. */
  readonly key: string;
  /** What was said last of this key, by whichever connection; undefined where nothing was. Shared: not to be changed. */
  readonly state: unknown;
  /** How many connections there are. */
  readonly connections: number;
}

/** A connection, as far as presence is concerned: a `Connection` of a server is one. */
export interface PresentConnection {
  /** One that is not "open" does not enter. */
  readonly state: string;
  /** Resolves when it is over: it has left then. */
  readonly closed: Promise<unknown>;
}

/** How much presence there may be. */
export interface PresenceOptions {
  /** Topics that are watched on this node, or that connections here are in. Default: 10 000; 0 or Infinity for no limit. */
  readonly maxTopics?: number | undefined;
  /** Keys of one topic on one node, each with its connections there. Default: 10 000; 0 or Infinity for no limit. The same on all nodes. */
  readonly maxKeys?: number | undefined;
}

/**
 * What is told of topics that are watched on this node, or that connections here are in: each once, and in order, whatever the handlers
 * do. What one throws, or rejects with, goes to the option `unhandledErrors` of `joinNodes`.
 */
export interface PresenceHandlers {
  /** The first connection of a key is there. */
  joined?(topic: string, member: PresenceMember): unknown;
  /** The last one is gone; `state` is what it was before. */
  left?(topic: string, member: PresenceMember): unknown;
  /** The state of a key is another one. */
  updated?(topic: string, member: PresenceMember): unknown;
}

/** Who is in a topic, as all nodes say. */
export interface Gathered {
  /** The members, those of this node among them. */
  readonly members: PresenceMember[];
  /** Nodes that have not answered in time, or could not tell all in one message. */
  readonly missing: readonly string[];
}

/** The options, as they hold. */
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
