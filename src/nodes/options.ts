/**
 * The options of nodes with their defaults and bounds, their handlers, and the types of their results.
 *
 * @module
 */

import { checkBetween, checkLimit, checkMilliseconds } from "../arguments.ts";
import {
  anything,
  callback,
  checkOptions,
  clock,
  milliseconds,
  number,
  type OptionTable,
  text,
} from "../check-options.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { Binary, Data } from "../connection/data.ts";
import { type UnhandledErrors, unhandledErrorsKind } from "../connection/unhandled-errors.ts";
import type { NodesError } from "./errors.ts";
import { copyOfJson } from "./json.ts";

/** A node: one server among the servers of a backplane. The values are those of the moment when they were asked for. */
export interface NodeEntry {
  /** The node's id, which is the `id` of its server's backplane: 32 hexadecimal digits, new at each start. */
  readonly id: string;
  /** The option `info` of that node; undefined if it has none. */
  readonly info: unknown;
  /** Milliseconds since the node began, as the node itself says. */
  readonly age: number;
  /** Milliseconds since the last message from the node; 0 for this node itself. */
  readonly silence: number;
}

/**
 * Whether a node hears the others. "joining": it has not asked for the others yet. "seeing": it hears them. "blind": the broker
 * is away, or does not answer; the list keeps the nodes of before, since this node cannot know whether they left. "left": the
 * server is shut down.
 */
export type NodesState = "joining" | "seeing" | "blind" | "left";

/** The answer of a node. */
export interface NodeAnswer {
  /** The id of the node. */
  readonly node: string;
  /** The answer. Its bytes belong to the caller. */
  readonly data: Data;
  /** Undefined: there is no error. */
  readonly error: undefined;
}

/** A node gave no answer. */
export interface NodeFailure {
  /** The id of the node. */
  readonly node: string;
  /** Undefined: there is no answer. */
  readonly data: undefined;
  /** Why there is no answer, see `Nodes.request`. */
  readonly error: NodesError;
}

/** The result of a question to one node: an answer if `error` is undefined, otherwise a failure. */
export type NodeReply = NodeAnswer | NodeFailure;

/** The number of subscribers of a topic on all nodes. */
export interface NodesCount {
  /** Number of subscribers on the nodes that answered. */
  readonly count: number;
  /** Number of the nodes that answered, this node included. */
  readonly nodes: number;
  /** Ids of the nodes that did not answer in time. */
  readonly missing: readonly string[];
}

/** Which nodes get a message. */
export interface ToNodes {
  /** The id of one node. Default: all nodes except this one. */
  readonly to?: string | undefined;
}

/** How long a question waits for answers. */
export interface AskOptions {
  /** Milliseconds that the nodes have to answer. Default: the option `timeout` of `joinNodes`. */
  readonly timeout?: number | undefined;
}

/** Counts of the messages between nodes. */
export interface NodesCounters {
  /** Messages that came from other nodes. */
  readonly received: number;
  /** Messages among those that were dropped: unreadable, a duplicate, or from an unknown node. */
  readonly dropped: number;
  /** Questions of this node that wait for answers. */
  readonly asking: number;
  /** Questions of other nodes that this node is answering. */
  readonly answering: number;
}

/** How a node presents itself to the others, and its limits. */
export interface NodesOptions {
  /**
   * What the node tells the others of itself: any value that JSON can hold, at most 1 024 UTF-16 units of JSON. Default: nothing.
   */
  readonly info?: unknown;
  /** Milliseconds between two signs of life, 20 % more or less at random. Default: 3 000; 100 to 3 600 000. */
  readonly heartbeat?: number | undefined;
  /** Milliseconds without a message after which a node counts as gone. Default: 10 000; 3 times `heartbeat` at least. */
  readonly silence?: number | undefined;
  /** Milliseconds that others have to answer. Default: 5 000; 0 or Infinity to wait until they answer or leave. */
  readonly timeout?: number | undefined;
  /**
   * The largest number of other nodes. Default: 1 024; 0 or Infinity for no limit. Messages of further nodes are dropped; an
   * error `TOO_MANY_NODES` goes to `unhandledErrors` once, and again only after a node has left.
   */
  readonly maxNodes?: number | undefined;
  /** Bytes of a message, a question or an answer. Default: 524 288; 0 or Infinity for the broker's own limit only. */
  readonly maxMessageSize?: number | undefined;
  /** Bytes that may wait for the broker, or for its answer. Default: 16 777 216; 0 or Infinity for no limit. */
  readonly maxWaiting?: number | undefined;
  /**
   * Questions of this node that wait for answers, and questions of others that this node is answering. Default: 1 024 of each; 0
   * or Infinity for no limit.
   */
  readonly maxRequests?: number | undefined;
  /** What happens to an error that a handler throws. Default: "print". */
  readonly unhandledErrors?: UnhandledErrors | undefined;
  /** Where the time comes from. Default: the runtime's own clock. */
  readonly clock?: Clock | undefined;
}

/** Handlers of a node. An error that a handler throws, or rejects with, goes to the option `unhandledErrors`. */
export interface NodesHandlers {
  /** Another node has joined. */
  joined?(node: NodeEntry): unknown;
  /** Another node has gone. @param why "left": it said so. "silent": nothing came from it for too long; it may come back. */
  left?(node: NodeEntry, why: "left" | "silent"): unknown;
  /** The state of this node has changed. */
  state?(now: NodesState): unknown;
  /** A message has come. @param data The message; its bytes belong to the handler. @param from The id of its sender. */
  message?(data: Data, from: string): unknown;
  /**
   * A question has come.
   *
   * @param data The question; its bytes belong to the handler.
   * @param from The id of the node that asks.
   * @returns The answer, or a promise for it.
   */
  request?(data: Data, from: string): string | Binary | Promise<string | Binary>;
}

/** The options with their defaults filled in; Infinity for no limit. */
export interface NodesSettings {
  readonly info: unknown;
  readonly heartbeat: number;
  readonly silence: number;
  readonly timeout: number;
  readonly maxNodes: number;
  readonly maxMessageSize: number;
  readonly maxWaiting: number;
  readonly maxRequests: number;
  readonly unhandledErrors: UnhandledErrors | undefined;
  readonly clock: Clock;
}

/** The type of each option. */
const optionTable: OptionTable<NodesOptions> = /* @__PURE__ */ (() => ({
  info: anything,
  heartbeat: milliseconds,
  silence: milliseconds,
  timeout: milliseconds,
  maxNodes: number,
  maxMessageSize: number,
  maxWaiting: number,
  maxRequests: number,
  unhandledErrors: unhandledErrorsKind,
  clock,
}))();

const handlerTable: OptionTable<NodesHandlers> = {
  joined: callback,
  left: callback,
  state: callback,
  message: callback,
  request: callback,
};

/** The options of `send`. */
export const toTable: OptionTable<ToNodes> = /* @__PURE__ */ (() => ({ to: text }))();
/** The options of `count`. */
export const askTable: OptionTable<AskOptions> = { timeout: milliseconds };
/** The options of `request`. */
export const requestTable: OptionTable<ToNodes & AskOptions> = /* @__PURE__ */ (() => ({
  ...toTable,
  ...askTable,
}))();

/** UTF-16 units of JSON that the option `info` may have. */
export const longestInfo = 1024;

/** Checks options and handlers, and fills in defaults. @throws {TypeError} @throws {RangeError} */
export function resolveNodes(options: NodesOptions, handlers: NodesHandlers): NodesSettings {
  checkOptions(options, optionTable, { elsewhere: handlerTable });
  checkOptions(handlers, handlerTable, { what: "handler", elsewhere: optionTable });
  const { heartbeat = 3000, timeout = 5000, maxNodes = 1024, maxRequests = 1024 } = options;
  const { silence = Math.max(10_000, 3 * heartbeat), maxMessageSize = 512 * 1024 } = options;
  const { maxWaiting = 16 * 1024 ** 2, unhandledErrors, clock: time = systemClock } = options;
  checkBetween("heartbeat", heartbeat, 100, 3_600_000);
  checkMilliseconds("silence", silence);
  if (silence < 3 * heartbeat) {
    throw new RangeError(
      `silence must be 3 times heartbeat at least, ${3 * heartbeat}: ${silence}`,
    );
  }
  checkMilliseconds("timeout", timeout);
  for (const [name, limit] of Object.entries({ maxNodes, maxMessageSize, maxWaiting, maxRequests }))
    checkLimit(name, limit);
  return {
    info: copyOfJson("info", options.info, longestInfo),
    heartbeat,
    silence,
    timeout: timeout || Infinity,
    maxNodes: maxNodes || Infinity,
    maxMessageSize: maxMessageSize || Infinity,
    maxWaiting: maxWaiting || Infinity,
    maxRequests: maxRequests || Infinity,
    unhandledErrors,
    clock: time,
  };
}
