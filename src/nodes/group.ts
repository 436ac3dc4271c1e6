/**
 * The parts of one node, connected: the line to the broker, the roster, questions and answers. Each message that comes goes to
 * the part that it concerns.
 *
 * @module
 */

import { encodeUtf8 } from "../bytes.ts";
import { Deadlines } from "../clock.ts";
import type {
  Backplane,
  BackplaneMember,
  BackplaneMembership,
} from "../connection/backplane/backplane.ts";
import { callSafely } from "../connection/call-safely.ts";
import { toBytes } from "../connection/data.ts";
import { UnhandledErrorReporter } from "../connection/unhandled-errors.ts";
import { isPromise } from "../deferred.ts";
import type { Awaitable } from "../io/byte-stream.ts";
import { Answering, type AnswerParts } from "./answering.ts";
import { Asking } from "./asking.ts";
import { NodesError } from "./errors.ts";
import { Line } from "./line.ts";
import {
  contentOf,
  decodeMessage,
  encodeMessage,
  type Head,
  isWhole,
  type MessageKind,
  type NodeMessage,
  textOf,
} from "./message.ts";
import type { NodesHandlers, NodesSettings } from "./options.ts";
import { allTopic, Roster } from "./roster.ts";

/** A feature that is built on nodes, such as presence. It gets their messages and events. */
export interface GroupListener {
  /** Another node has joined, or did not know this node until now. */
  joined(id: string): void;
  /** Another node has gone. */
  left(id: string): void;
  /** This node hears the others, for the first time or again. */
  resumed(): void;
  /** Messages may have been lost. */
  lost(): void;
  /** This node has given a sign of life. */
  beat(): void;
  /** Takes a message of a kind that is the listener's own. @returns Whether it could be read. */
  take(message: NodeMessage): boolean;
  /** The server leaves: this is the last moment to send messages. */
  leaving(): void;
}

/** The parts of one node. */
export class Group {
  readonly settings: NodesSettings;
  readonly deadlines: Deadlines;
  readonly line: Line;
  readonly roster: Roster;
  readonly asking: Asking;
  readonly answering: Answering;
  /** Number of messages that have come from other nodes. */
  received = 0;
  /** Number of those that were dropped: unreadable, a duplicate, or from an unknown node. */
  dropped = 0;
  readonly #handlers: NodesHandlers;
  readonly #errors: UnhandledErrorReporter;
  #listener: GroupListener | undefined;
  #numbers = 0;

  constructor(settings: NodesSettings, handlers: NodesHandlers) {
    const { clock, unhandledErrors, maxRequests } = settings;
    this.settings = settings;
    this.#handlers = handlers;
    this.#errors = new UnhandledErrorReporter(unhandledErrors, "server");
    this.deadlines = new Deadlines(clock);
    // These timers must not keep the process alive: its server does.
    this.deadlines.hold(false);
    this.line = this.#newLine();
    this.roster = this.#newRoster();
    const { deadlines } = this;
    const say = this.say.bind(this);
    this.asking = new Asking({
      deadlines,
      maxRequests,
      say,
      others: () => this.roster.others,
      nextNumber: () => this.nextNumber(),
    });
    this.answering = new Answering({
      deadlines,
      maxRequests,
      say,
      failed: (error) => {
        this.report(error);
      },
    });
    this.answering.answer("count", ({ head }) => ({
      head: { count: this.line.subscribers(textOf(head.topic)) },
    }));
    if (handlers.request !== undefined) {
      this.answering.answer("request", (question) => this.#request(question));
    }
  }

  /** Gives the next number of a message. */
  nextNumber(): number {
    return ++this.#numbers;
  }

  /** Why this node cannot send messages; undefined if it can. */
  get refusal(): NodesError | undefined {
    if (this.roster.state === "left") return new NodesError("LEFT");
    return this.roster.id === "" ? new NodesError("NOT_JOINED") : undefined;
  }

  /** Sends a message. @returns As `Line.publish`. */
  say(topic: string, kind: MessageKind, head: Head, payload?: Uint8Array): Promise<unknown> {
    return this.line.publish(topic, encodeMessage(kind, this.roster.id, head, payload));
  }

  /** Calls a handler, and reports its errors. */
  call(thrower: "nodes" | "presence", handler: () => unknown): void {
    callSafely(handler, (error) => {
      this.#errors.report(error, thrower);
    });
  }

  /** Reports an error that no caller gets. */
  report(error: unknown): void {
    this.#errors.report(error, "nodes");
  }

  /** Gives a message to the handler. @returns False if the message is a text, but not valid UTF-8. */
  hand(message: NodeMessage): boolean {
    const data = contentOf(message);
    if (data === undefined) return false;
    this.call("nodes", () => this.#handlers.message?.(data, message.sender));
    return true;
  }

  /** Sets the listener. @returns False if there is one already. */
  listen(listener: GroupListener): boolean {
    if (this.#listener !== undefined) return false;
    this.#listener = listener;
    return true;
  }

  /** Joins the driver's backplane for a server. Call it once. */
  join(backplane: Backplane, member: BackplaneMember): Awaitable<BackplaneMembership> {
    this.roster.begin(member.id);
    const fail = (error: unknown): never => {
      this.#leave();
      throw error;
    };
    try {
      const membership = this.line.join(backplane, member);
      return isPromise(membership) ? Promise.resolve(membership).catch(fail) : membership;
    } catch (error) {
      return fail(error);
    }
  }

  #leave(): void {
    this.#listener?.leaving();
    this.roster.leave();
    this.asking.close();
    this.answering.close();
  }

  /** Takes a message from the broker. Never throws, whatever the bytes are. */
  #take(topic: string, bytes: Uint8Array): void {
    const message = decodeMessage(bytes);
    // A broker may give a node its own messages.
    if (message?.sender === this.roster.id) {
      if (message.kind === "bye") this.roster.object();
      return;
    }
    this.received++;
    const isTaken =
      message !== undefined && this.roster.hear(message) && this.#takeFrom(topic, message);
    if (!isTaken) this.dropped++;
  }

  /** Gives a message of a known node to the part that it concerns. @returns Whether it could be read, and was expected. */
  #takeFrom(topic: string, message: NodeMessage): boolean {
    switch (message.kind) {
      case "message":
        return this.#numberOf(topic, message) !== undefined && this.hand(message);
      case "ask":
        return this.#asked(topic, message);
      case "answer":
        return this.asking.take(message);
      case "keys":
      case "mark":
      case "compare":
        return this.#listener?.take(message) ?? true;
      default:
        return true;
    }
  }

  #asked(topic: string, message: NodeMessage): boolean {
    const number = this.#numberOf(topic, message);
    const { within } = message.head;
    if (number === undefined || !isWhole(within) || textOf(message.head.for) === "") return false;
    this.answering.take(message, number, within);
    return true;
  }

  /** Gives the number of a message that comes for the first time; undefined for a duplicate. */
  #numberOf(topic: string, { sender, head }: NodeMessage): number | undefined {
    return this.roster.take(sender, topic === allTopic ? "all" : "own", head.n);
  }

  /** Calls the handler for questions. */
  async #request(question: NodeMessage): Promise<AnswerParts> {
    const data = contentOf(question);
    if (data === undefined) throw new TypeError("A question is not valid UTF-8");
    const answer = await this.#handlers.request!(data, question.sender);
    const payload = typeof answer === "string" ? encodeUtf8(answer) : toBytes(answer, "answer");
    const { maxMessageSize } = this.settings;
    if (payload.length > maxMessageSize) {
      throw new NodesError("TOO_LARGE", `${payload.length}, maxMessageSize is ${maxMessageSize}`);
    }
    return { head: { text: typeof answer === "string" }, payload };
  }

  #newLine(): Line {
    return new Line(
      {
        deadlines: this.deadlines,
        take: (topic, bytes) => {
          this.#take(topic, bytes);
        },
        changed: (now) => {
          this.roster.changed(now);
        },
        gap: () => this.#listener?.lost(),
        leaving: () => {
          this.#leave();
        },
        refused: (error) => {
          this.report(error);
        },
      },
      this.settings.maxWaiting,
    );
  }

  #newRoster(): Roster {
    const handlers = this.#handlers;
    return new Roster(this.settings, {
      deadlines: this.deadlines,
      line: this.line,
      say: (topic, kind, head) => this.say(topic, kind, head),
      joined: (node) => {
        this.call("nodes", () => handlers.joined?.(node));
        this.#listener?.joined(node.id);
      },
      greeted: (id) => this.#listener?.joined(id),
      left: (node, why) => {
        this.asking.gone(node.id);
        this.answering.gone(node.id);
        // Presence first: the handler finds none of the node's keys any more.
        this.#listener?.left(node.id);
        this.call("nodes", () => handlers.left?.(node, why));
      },
      state: (now) => {
        this.call("nodes", () => handlers.state?.(now));
        if (now === "seeing") this.#listener?.resumed();
      },
      tooMany: () => {
        this.report(new NodesError("TOO_MANY_NODES", `maxNodes is ${this.settings.maxNodes}`));
      },
      beat: () => this.#listener?.beat(),
    });
  }
}
