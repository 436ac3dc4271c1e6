/**
 * Answers the questions of other nodes. Each kind of question has one registered answerer.
 *
 * @module
 */

import type { Deadline, Deadlines } from "../clock.ts";
import { whenSettled } from "../deferred.ts";
import { NodesError } from "./errors.ts";
import type { Head, MessageKind } from "./message.ts";
import { type NodeMessage, textOf } from "./message.ts";
import { topicOf } from "./roster.ts";

/** The parts of an answer: fields of its head, and perhaps a payload. */
export interface AnswerParts {
  readonly head: Head;
  readonly payload?: Uint8Array | undefined;
}

/** Answers one kind of question. If it throws or rejects, this node reports the error, and the asking node gets an error code. */
export type Answerer = (question: NodeMessage) => AnswerParts | Promise<AnswerParts>;

/** What answering asks of its owner, and tells it. */
export interface AnsweringOwner {
  readonly deadlines: Deadlines;
  /** The largest number of questions that may be under way. */
  readonly maxRequests: number;
  say(topic: string, kind: MessageKind, head: Head, payload?: Uint8Array): Promise<unknown>;
  /** Tells that an answerer has failed. */
  failed(error: unknown): void;
}

/** The questions to this node. */
export class Answering {
  readonly #owner: AnsweringOwner;
  readonly #answerers = new Map<string, Answerer>();
  /** For each question under way: the function that ends it, and the id of the node that asked it. */
  readonly #underWay = new Map<() => boolean, string>();

  constructor(owner: AnsweringOwner) {
    this.#owner = owner;
  }

  /** Number of questions under way. */
  get size(): number {
    return this.#underWay.size;
  }

  /** Registers the answerer of one kind of question. @param what The kind, which questions have in the field `for`. */
  answer(what: string, answerer: Answerer): void {
    this.#answerers.set(what, answerer);
  }

  /**
   * Answers a question of another node. The caller has checked `number`.
   *
   * @param within Milliseconds that the asking node waits; 0 if it waits without a limit.
   */
  take(question: NodeMessage, number: number, within: number): void {
    const { maxRequests, deadlines } = this.#owner;
    const answerer = this.#answerers.get(textOf(question.head.for));
    const reply = (head: Head, payload?: Uint8Array): void => {
      void this.#owner.say(topicOf(question.sender), "answer", { ...head, n: number }, payload);
    };
    if (answerer === undefined) {
      reply({ error: "UNHANDLED" });
      return;
    }
    if (this.#underWay.size >= maxRequests) {
      reply({ error: "BUSY" });
      return;
    }
    let deadline: Deadline | undefined;
    /** Ends the question. @returns False if it had ended before: then nobody waits for the answer. */
    const end = (): boolean => {
      deadline?.cancel();
      return this.#underWay.delete(end);
    };
    this.#underWay.set(end, question.sender);
    // After that time nobody waits for the answer. So a handler that never ends does not count in `maxRequests` for ever.
    if (within > 0) deadline = deadlines.after(within, end);
    whenSettled(
      this.run(answerer, question),
      (parts) => {
        const { head, payload } = parts as AnswerParts;
        if (end()) reply(head, payload);
      },
      (error) => {
        const isOurs = error instanceof NodesError;
        if (end()) reply({ error: isOurs ? error.code : "FAILED" });
        this.#owner.failed(error);
      },
    );
  }

  /** A node has gone: ends its questions. */
  gone(id: string): void {
    for (const [end, sender] of [...this.#underWay]) if (sender === id) end();
  }

  /** The server is shut down: ends all questions. */
  close(): void {
    for (const end of [...this.#underWay.keys()]) end();
  }

  /** Answers a question of this node to itself. Rejects with the answerer's error. */
  async ask(question: NodeMessage): Promise<AnswerParts> {
    const answerer = this.#answerers.get(textOf(question.head.for));
    if (answerer === undefined) throw new NodesError("UNHANDLED");
    return this.run(answerer, question);
  }

  async run(answerer: Answerer, question: NodeMessage): Promise<AnswerParts> {
    return answerer(question);
  }
}
