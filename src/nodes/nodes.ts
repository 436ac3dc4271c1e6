/**
 * The public face of nodes: servers of one backplane that know each other.
 *
 * @module
 */

import { checkMilliseconds, checkText } from "../arguments.ts";
import { encodeUtf8 } from "../bytes.ts";
import { checkKind, checkOptions, having, type Kind } from "../check-options.ts";
import type {
  Backplane,
  BackplaneMember,
  BackplaneMembership,
} from "../connection/backplane/backplane.ts";
import type { NewHistories } from "../connection/backplane/histories.ts";
import { isReserved } from "../connection/backplane/reserved.ts";
import { type Binary, toBytes } from "../connection/data.ts";
import { quiet, rejected } from "../deferred.ts";
import type { Awaitable } from "../io/byte-stream.ts";
import type { Answer } from "./asking.ts";
import { NodesError } from "./errors.ts";
import { Group } from "./group.ts";
import { contentOf, type Head, isWhole, type NodeMessage } from "./message.ts";
import {
  type AskOptions,
  askTable,
  type NodeEntry,
  type NodeReply,
  type NodesCount,
  type NodesCounters,
  type NodesHandlers,
  type NodesOptions,
  type NodesState,
  requestTable,
  resolveNodes,
  type ToNodes,
  toTable,
} from "./options.ts";
import { allTopic, topicOf } from "./roster.ts";

/** Gives the parts of a node. For the library. */
export let groupOf: (nodes: Nodes) => Group;

const aBackplane: Kind = /* @__PURE__ */ having("a Backplane", "join");

/**
 * Lets the servers of one backplane know each other, talk to each other and count together. Give the result to one server as its
 * `backplane`; publications go over it as they do over the driver's.
 *
 * @param backplane The driver's backplane. Call `joinNodes` once for each server.
 * @throws {TypeError} The backplane is no backplane, or is a result of `joinNodes`; an option or a handler is not known, or of a
 * wrong type; JSON cannot hold `info`.
 * @throws {RangeError} A number is out of its range; `info` is too long.
 * @example
 * const nodes = joinNodes(redisBackplane(client), { info: { region: "eu" } }, { left: (node, why) => console.log(node.id, why) });
 * const server = await serve({ port: 8080, backplane: nodes }, handlers);
 * const { count } = await nodes.count("news");
 */
export function joinNodes(
  backplane: Backplane,
  options: NodesOptions = {},
  handlers: NodesHandlers = {},
): Nodes {
  checkKind("backplane", aBackplane, backplane);
  if (backplane instanceof Nodes) {
    throw new TypeError("backplane must be a driver's: this one is what joinNodes() gave");
  }
  return new Nodes(backplane, new Group(resolveNodes(options, handlers), handlers));
}

/** One server among the servers of its backplane. */
export class Nodes implements Backplane {
  readonly #backplane: Backplane;
  readonly #group: Group;

  static {
    groupOf = (nodes) => nodes.#group;
  }

  /** @internal For the library: `joinNodes` makes nodes. */
  constructor(backplane: Backplane, group: Group) {
    this.#backplane = backplane;
    this.#group = group;
  }

  /** The driver's own `histories`. For the server. */
  get histories(): NewHistories | undefined {
    return this.#backplane.histories;
  }

  /** Asks the driver whether a topic has a history. For the server. */
  keeps(topic: string): boolean {
    const { histories, keeps } = this.#backplane;
    if (histories === undefined || isReserved(topic)) return false;
    return keeps === undefined || this.#backplane.keeps!(topic);
  }

  /** Joins the driver's backplane. For the server. @throws {TypeError} These nodes have a server already. */
  join(member: BackplaneMember): Awaitable<BackplaneMembership> {
    if (this.id !== "") {
      throw new TypeError("These nodes have a server: call joinNodes() once for each server");
    }
    return this.#group.join(this.#backplane, member);
  }

  /** This node's id, the same as `server.backplane.id`; empty until its server is made. */
  get id(): string {
    return this.#group.roster.id;
  }

  /** Whether this node hears the others. */
  get state(): NodesState {
    return this.#group.roster.state;
  }

  /** Counts of the messages between nodes. */
  get counters(): NodesCounters {
    return {
      received: this.#group.received,
      dropped: this.#group.dropped,
      asking: this.#group.asking.size,
      answering: this.#group.answering.size,
    };
  }

  /** Gives all known nodes, this node first. While the state is "blind", the list is that of before. */
  list(): NodeEntry[] {
    return this.#group.roster.list();
  }

  /**
   * Sends a message to the `message` handler of one node, or of all others. Each gets it at most once, and in order.
   *
   * @returns Resolves when the broker has the message, which does not tell whether other nodes got it; at once if it goes to this
   * node itself. Rejects with `NodesError` `GONE` if there is no such node, `NOT_JOINED` or `LEFT`, and with `BackplaneError` if
   * the broker did not take it. A rejection that nobody awaits is not reported as unhandled.
   * @throws {TypeError} The data or an option is wrong. @throws {RangeError} The data is larger than `maxMessageSize`.
   */
  send(data: string | Binary, options: ToNodes = {}): Promise<void> {
    checkOptions(options, toTable);
    const payload = this.#payloadOf(data);
    const { to } = options;
    const refusal = this.#group.refusal;
    if (refusal !== undefined) return rejected(refusal);
    const head = { n: this.#group.nextNumber(), text: typeof data === "string" };
    if (to === this.id) {
      this.#group.hand({ kind: "message", sender: to, head, payload });
      return Promise.resolve();
    }
    if (to !== undefined && !this.#group.roster.has(to))
      return rejected(new NodesError("GONE", to));
    const topic = to === undefined ? allTopic : topicOf(to);
    return quiet(this.#group.say(topic, "message", head, payload) as Promise<void>);
  }

  /**
   * Asks the `request` handler of one node, or of all others.
   *
   * @returns One reply for each node that was asked. If a node gives no answer, its reply has an error: `TIMEOUT`, `GONE` (at
   * once if the node is not known or leaves), `FAILED`, `UNHANDLED`, `BUSY`, `TOO_LARGE`, `UNREACHABLE`. Rejects with
   * `NodesError` `BUSY`, `NOT_JOINED` or `LEFT`; a rejection that nobody awaits is not reported as unhandled.
   * @throws {TypeError} The data or an option is wrong.
   * @throws {RangeError} The data is larger than `maxMessageSize`; `timeout` is NaN or below 0.
   * @example
   * for (const { node, data, error } of await nodes.request("rooms?")) console.log(node, error?.code ?? data);
   */
  request(data: string | Binary, options: ToNodes & AskOptions = {}): Promise<NodeReply[]> {
    checkOptions(options, requestTable);
    const payload = this.#payloadOf(data);
    const { to, timeout } = options;
    const within = this.#within(timeout);
    const head = { for: "request", text: typeof data === "string" };
    return quiet(this.#replies(to, within, head, payload));
  }

  /**
   * Counts the subscribers of a topic on all nodes, this one included.
   *
   * @returns The sum of the nodes that answer in time. Rejects as {@link request} does.
   * @throws {TypeError} The topic is no string, or an option is wrong. @throws {RangeError} `timeout` is NaN or below 0.
   */
  count(topic: string, options: AskOptions = {}): Promise<NodesCount> {
    checkText("topic", topic);
    checkOptions(options, askTable);
    return quiet(this.#count(topic, this.#within(options.timeout)));
  }

  async #count(topic: string, within: number): Promise<NodesCount> {
    const answers = await this.#ask(undefined, within, { for: "count", topic });
    let count = this.#group.line.subscribers(topic);
    const missing: string[] = [];
    for (const { node, message } of answers) {
      const theirs = message?.head.count;
      if (isWhole(theirs)) count += theirs;
      else missing.push(node);
    }
    return { count, nodes: 1 + answers.length - missing.length, missing };
  }

  async #replies(
    to: string | undefined,
    within: number,
    head: Head,
    payload: Uint8Array,
  ): Promise<NodeReply[]> {
    const isOwn = to !== undefined && to === this.id;
    const answers = isOwn
      ? await this.#askSelf(within, head, payload)
      : await this.#ask(to, within, head, payload);
    return answers.map(replyOf);
  }

  /** Asks this node's own handler. */
  async #askSelf(within: number, head: Head, payload: Uint8Array): Promise<readonly Answer[]> {
    const { refusal, asking, answering } = this.#group;
    if (refusal !== undefined) throw refusal;
    const question: NodeMessage = { kind: "ask", sender: this.id, head, payload };
    return asking.askSelf(this.id, within, async () => {
      try {
        return await answering.ask(question);
      } catch (cause) {
        if (cause instanceof NodesError) throw cause;
        this.#group.report(cause);
        throw new NodesError("FAILED", this.id, { cause });
      }
    });
  }

  async #ask(
    to: string | undefined,
    within: number,
    head: Head,
    payload?: Uint8Array,
  ): Promise<readonly Answer[]> {
    const refusal = this.#group.refusal;
    if (refusal !== undefined) throw refusal;
    return this.#group.asking.ask(to, within, head, payload);
  }

  #within(timeout: number | undefined): number {
    checkMilliseconds("timeout", timeout);
    return timeout === undefined ? this.#group.settings.timeout : timeout || Infinity;
  }

  #payloadOf(data: string | Binary): Uint8Array {
    const payload = typeof data === "string" ? encodeUtf8(data) : toBytes(data);
    const { maxMessageSize } = this.#group.settings;
    if (payload.length <= maxMessageSize) return payload;
    throw new RangeError(
      `data must be maxMessageSize bytes at the most, ${maxMessageSize}: ${payload.length}`,
    );
  }
}

function replyOf({ node, message, error }: Answer): NodeReply {
  if (message === undefined) return { node, data: undefined, error: error! };
  const data = contentOf(message);
  if (data === undefined) return { node, data, error: new NodesError("FAILED", node) };
  return { node, data, error: undefined };
}
