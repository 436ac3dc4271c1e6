/**
 * Asks other nodes, and waits for their answers. For each node that was asked there is an answer or an error.
 *
 * @module
 */

import { noBytes } from "../bytes.ts";
import type { Deadline, Deadlines } from "../clock.ts";
import { type Deferred, newDeferred, rejected, whenSettled } from "../deferred.ts";
import type { AnswerParts } from "./answering.ts";
import { errorOf, NodesError } from "./errors.ts";
import type { Head, MessageKind } from "./message.ts";
import { isWhole, type NodeMessage } from "./message.ts";
import { allTopic, topicOf } from "./roster.ts";

/** The answer of a node, or the reason why there is none. */
export interface Answer {
  readonly node: string;
  /** The answer; undefined if there is an error. */
  readonly message: NodeMessage | undefined;
  readonly error: NodesError | undefined;
}

/** What asking asks of its owner. */
export interface AskingOwner {
  readonly deadlines: Deadlines;
  /** The largest number of questions that may wait. */
  readonly maxRequests: number;
  /** Gives the ids of the other nodes. */
  others(): string[];
  /** Gives the next number of a message. */
  nextNumber(): number;
  say(topic: string, kind: MessageKind, head: Head, payload?: Uint8Array): Promise<unknown>;
}

/** A question that waits for answers. */
interface Question {
  /** Ids of the nodes that have not answered. */
  readonly waiting: Set<string>;
  readonly answers: Answer[];
  readonly deferred: Deferred<Answer[]>;
  readonly deadline: Deadline;
}

/** The questions of this node. */
export class Asking {
  readonly #owner: AskingOwner;
  readonly #questions = new Map<number, Question>();
  #isClosed = false;

  constructor(owner: AskingOwner) {
    this.#owner = owner;
  }

  /** Number of questions that wait. */
  get size(): number {
    return this.#questions.size;
  }

  /**
   * Asks one node, or all other nodes.
   *
   * @param to The id of one node. Undefined: all other nodes.
   * @param within Milliseconds that the nodes have to answer; Infinity to wait until they answer or leave.
   * @returns An answer or an error for each node. Rejects with `NodesError` `BUSY`, and with `LEFT` when the server is shut down.
   */
  ask(
    to: string | undefined,
    within: number,
    head: Head,
    payload?: Uint8Array,
  ): Promise<readonly Answer[]> {
    const others = this.#owner.others();
    if (to !== undefined && !others.includes(to)) {
      return Promise.resolve([failed(to, new NodesError("GONE", to))]);
    }
    return this.#begin(to === undefined ? others : [to], within, (number) => {
      const fields = { ...head, n: number, within: wholeOf(within) };
      const topic = to === undefined ? allTopic : topicOf(to);
      whenSettled(this.#owner.say(topic, "ask", fields, payload), undefined, (cause) => {
        this.#giveUp(number, "UNREACHABLE", cause);
      });
    });
  }

  /**
   * Asks this node itself, as {@link ask} asks others.
   *
   * @param id This node's id.
   * @param answer Gives the answer. It must reject with a `NodesError` only.
   */
  askSelf(
    id: string,
    within: number,
    answer: () => Promise<AnswerParts>,
  ): Promise<readonly Answer[]> {
    return this.#begin([id], within, (number) => {
      whenSettled(
        answer(),
        (parts) => {
          const { head, payload = noBytes } = parts as AnswerParts;
          this.take({ kind: "answer", sender: id, head: { ...head, n: number }, payload });
        },
        (error) => {
          this.#give(number, id, failed(id, error as NodesError));
        },
      );
    });
  }

  /** Notes a new question, and then says it. @param say Sends the question; its argument is the question's number. */
  #begin(
    asked: readonly string[],
    within: number,
    say: (number: number) => void,
  ): Promise<readonly Answer[]> {
    const { maxRequests, deadlines } = this.#owner;
    if (this.#isClosed) return rejected(new NodesError("LEFT"));
    if (this.#questions.size >= maxRequests) {
      return rejected(new NodesError("BUSY", `maxRequests is ${maxRequests}`));
    }
    if (asked.length === 0) return Promise.resolve([]);
    const number = this.#owner.nextNumber();
    const deferred = newDeferred<Answer[]>();
    const deadline = deadlines.after(within, () => {
      this.#giveUp(number, "TIMEOUT");
    });
    this.#questions.set(number, { waiting: new Set(asked), answers: [], deferred, deadline });
    say(number);
    return deferred.promise;
  }

  /** Takes an answer that has come. @returns Whether a question waits for it. */
  take(message: NodeMessage): boolean {
    const { sender, head } = message;
    const isError = head.error !== undefined;
    const answer = isError
      ? failed(sender, errorOf(head.error, sender))
      : { node: sender, message: keep(message), error: undefined };
    return isWhole(head.n) && this.#give(head.n, sender, answer);
  }

  /** A node has gone: questions do not wait for it any more. */
  gone(id: string): void {
    for (const number of [...this.#questions.keys()]) {
      this.#give(number, id, failed(id, new NodesError("GONE", id)));
    }
  }

  /** The server is shut down: rejects all questions. */
  close(): void {
    this.#isClosed = true;
    for (const { deferred, deadline } of this.#questions.values()) {
      deadline.cancel();
      deferred.reject(new NodesError("LEFT"));
    }
    this.#questions.clear();
  }

  /** Adds the answer of a node to a question. @returns Whether the question waits for that node. */
  #give(number: number, node: string, answer: Answer): boolean {
    const question = this.#questions.get(number);
    if (!question?.waiting.delete(node)) return false;
    question.answers.push(answer);
    if (question.waiting.size === 0) this.#settle(number, question);
    return true;
  }

  /** Ends a question: all nodes that have not answered get the error. */
  #giveUp(number: number, code: "TIMEOUT" | "UNREACHABLE", cause?: unknown): void {
    const question = this.#questions.get(number);
    if (question === undefined) return;
    const options = cause === undefined ? undefined : { cause };
    for (const id of question.waiting) {
      question.answers.push(failed(id, new NodesError(code, id, options)));
    }
    this.#settle(number, question);
  }

  #settle(number: number, { deadline, deferred, answers }: Question): void {
    this.#questions.delete(number);
    deadline.cancel();
    deferred.resolve(answers);
  }
}

function failed(node: string, error: NodesError): Answer {
  return { node, message: undefined, error };
}

/** Gives a time as messages have it: whole milliseconds, 0 for no limit. */
function wholeOf(within: number): number {
  return within === Infinity ? 0 : Math.min(Math.ceil(within), Number.MAX_SAFE_INTEGER);
}

/** Copies the payload of a message that is read later, because the bytes that came belong to the driver. */
function keep(message: NodeMessage): NodeMessage {
  return { ...message, payload: new Uint8Array(message.payload) };
}
