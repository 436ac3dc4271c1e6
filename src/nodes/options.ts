/**
 * What may be said of nodes: options, with their defaults and bounds, and handlers.
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

/** A server among those of one backplane, as it was when this was asked for. */
export interface NodeEntry {
  /** The `id` of its server's backplane: 32 hexadecimal digits, another one for each start. */
  readonly id: string;
  /** What it says of itself: its option `info`. Undefined where it says nothing. */
  readonly info: unknown;
  /** Milliseconds since it began, as it says itself. */
  readonly age: number;
  /** Milliseconds since something came from it; 0 of this node itself. */
  readonly silence: number;
}

/**
 * How a node is with the others. "joining": nobody has been asked yet. "seeing": those that are there are heard. "blind": the broker is
 * away, or does not answer: who was there stays in the list, since nobody can tell. "left": the server is shut down.
 */
export type NodesState = "joining" | "seeing" | "blind" | "left";

/** What a node answered. */
export interface NodeAnswer {
  /** Its id. */
  readonly node: string;
  /** The answer, yours. */
  readonly data: Data;
  /** There is none. */
  readonly error: undefined;
}

/** That a node did not answer. */
export interface NodeFailure {
  /** Its id. */
  readonly node: string;
  /** There is none. */
  readonly data: undefined;
  /** Why not, see `Nodes.request`. */
  readonly error: NodesError;
}

/** What became of a question to one node; `error` tells which. */
export type NodeReply = NodeAnswer | NodeFailure;

/** Subscribers of a topic on all nodes. */
export interface NodesCount {
  /** How many there are, on those nodes that have answered. */
  readonly count: number;
  /** How many nodes that are, this one included. */
  readonly nodes: number;
  /** Nodes that have not answered in time. */
  readonly missing: readonly string[];
}

/** To whom a message goes. */
export interface ToNodes {
  /** One node. Default: all but this one. */
  readonly to?: string | undefined;
}

/** How nodes are asked. */
export interface AskOptions {
  /** Milliseconds that they have to answer. Default: the option `timeout` of `joinNodes`. */
  readonly timeout?: number | undefined;
}

/** What has come and gone between nodes. */
export interface NodesCounters {
  /** Messages that came, of this node's own none. */
  readonly received: number;
  /** Those that could not be read, came twice, or came from nobody that is known. */
  readonly dropped: number;
  /** Questions that wait for their answers. */
  readonly asking: number;
  /** Questions of others that are being answered. */
  readonly answering: number;
}

/** How a node is among others. */
export interface NodesOptions {
  /** What it says of itself: anything that JSON can hold, in 1 024 bytes of it. Default: nothing. */
  readonly info?: unknown;
  /** Milliseconds between two signs of life, a fifth more or less. Default: 3 000; 100 to 3 600 000. */
  readonly heartbeat?: number | undefined;
  /** Milliseconds without any sign of life after which a node has "left". Default: 10 000; 3 times `heartbeat` at least. */
  readonly silence?: number | undefined;
  /** Milliseconds that others have to answer. Default: 5 000; 0 or Infinity for no limit, other than that they leave. */
  readonly timeout?: number | undefined;
  /** Other nodes that are known at the most. Default: 1 024; those beyond it are not heard, which is told once. */
  readonly maxNodes?: number | undefined;
  /** Bytes of what is sent, asked or answered. Default: 524 288; 0 or Infinity for no limit but the broker's own. */
  readonly maxMessageSize?: number | undefined;
  /** Bytes that may wait for the broker, or be under way without its answer. Default: 16 777 216; 0 or Infinity for no limit. */
  readonly maxWaiting?: number | undefined;
  /** Questions that wait for answers, and questions of others that are being answered. Default: 1 024 of each; 0 or Infinity for no limit. */
  readonly maxRequests?: number | undefined;
  /** What becomes of what handlers throw. Default: "print". */
  readonly unhandledErrors?: UnhandledErrors | undefined;
  /** Default: the runtime's own time. */
  readonly clock?: Clock | undefined;
}

/** What a node is told. What a handler throws, or rejects with, goes to the option `unhandledErrors`. */
export interface NodesHandlers {
  /** Another node is there. */
  joined?(node: NodeEntry): unknown;
  /** It is no more. @param why "left": it has said so. "silent": nothing has come from it for too long; it may come back. */
  left?(node: NodeEntry, why: "left" | "silent"): unknown;
  /** This node is with the others in another way. */
  state?(now: NodesState): unknown;
  /** A message has come. @param data Yours. @param from The id of its sender. */
  message?(data: Data, from: string): unknown;
  /** A question has come. @returns The answer, or a promise for it. @param data Yours. @param from The id of who asks. */
  request?(data: Data, from: string): string | Binary | Promise<string | Binary>;
}

/** What is used of the options, as it holds. */
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

/** What the options may be. */
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

/** What `send` may be told. */
export const toTable: OptionTable<ToNodes> = /* @__PURE__ */ (() => ({ to: text }))();
/** What `count` may be told. */
export const askTable: OptionTable<AskOptions> = { timeout: milliseconds };
/** What `request` may be told. */
export const requestTable: OptionTable<ToNodes & AskOptions> = /* @__PURE__ */ (() => ({
  ...toTable,
  ...askTable,
}))();

/** UTF-16 units of JSON that a node may say of itself. */
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
