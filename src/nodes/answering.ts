/**
 * Questions of other nodes, answered by what is registered for them.
 *
 * @module
 */

import type { Deadline, Deadlines } from "../clock.ts";
import { whenSettled } from "../deferred.ts";
import { NodesError } from "./errors.ts";
import type { Head, MessageKind } from "./message.ts";
import { type NodeMessage, textOf } from "./message.ts";
import { topicOf } from "./roster.ts";

/** An answer: fields of its head, and a payload where it has one. */
export interface AnswerParts {
  readonly head: Head;
  readonly payload?: Uint8Array | undefined;
}

/** Answers one kind of questions. What it throws, or rejects with, is told here, and the asker has an error. */
export type Answerer = (question: NodeMessage) => AnswerParts | Promise<AnswerParts>;

/** What answering needs of nodes. */
export interface AnsweringOwner {
  readonly deadlines: Deadlines;
  /** Questions that may be under way. */
  readonly maxRequests: number;
  say(topic: string, kind: MessageKind, head: Head, payload?: Uint8Array): Promise<unknown>;
  /** An answerer has failed. */
  failed(error: unknown): void;
}

/** What this node is asked. */
export class Answering {
  readonly #owner: AnsweringOwner;
  readonly #answerers = new Map<string, Answerer>();
  /** Ends each question that is being answered, and who has asked it. */
  readonly #underWay = new Map<() => boolean, string>();

  constructor(owner: AnsweringOwner) {
    this.#owner = owner;
  }

  /** Questions that are being answered. */
  get size(): number {
    return this.#underWay.size;
  }

  /** Answers questions that are `for` this. */
  answer(what: string, answerer: Answerer): void {
    this.#answerers.set(what, answerer);
  }

  /** A question has come. Its number was looked at. @param within Milliseconds that the asker waits; 0 for ever. */
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
    /** @returns Whether an answer is still wanted. */
    const end = (): boolean => {
      deadline?.cancel();
      return this.#underWay.delete(end);
    };
    this.#underWay.set(end, question.sender);
    // Behind that nobody listens, and a handler that is never done holds no place.
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

  /** A node is there no more: nobody waits for what it has asked. */
  gone(id: string): void {
    for (const [end, sender] of [...this.#underWay]) if (sender === id) end();
  }

  /** The server is shut down. */
  close(): void {
    for (const end of [...this.#underWay.keys()]) end();
  }

  /** Answers a question of this node to itself. Rejects with what the answerer fails with. */
  async ask(question: NodeMessage): Promise<AnswerParts> {
    const answerer = this.#answerers.get(textOf(question.head.for));
    if (answerer === undefined) throw new NodesError("UNHANDLED");
    return this.run(answerer, question);
  }

  async run(answerer: Answerer, question: NodeMessage): Promise<AnswerParts> {
    return answerer(question);
  }
}
