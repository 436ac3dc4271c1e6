/**
 * Questions to other nodes, and their answers, each in time or told as missing.
 *
 * @module
 */

import type { Deadline, Deadlines } from "../clock.ts";
import { type Deferred, newDeferred, whenSettled } from "../deferred.ts";
import { errorOf, NodesError } from "./errors.ts";
import type { Head, MessageKind } from "./message.ts";
import { isWhole, type NodeMessage } from "./message.ts";
import { allTopic, topicOf } from "./roster.ts";

/** What a node answered, or why it did not. */
export interface Answer {
  readonly node: string;
  /** What came; undefined where there is an error. */
  readonly message: NodeMessage | undefined;
  readonly error: NodesError | undefined;
}

/** What asking needs of nodes. */
export interface AskingOwner {
  readonly deadlines: Deadlines;
  /** Questions that may wait. */
  readonly maxRequests: number;
  /** The ids of the others. */
  others(): string[];
  /** Gives the next number of a message. */
  nextNumber(): number;
  say(topic: string, kind: MessageKind, head: Head, payload?: Uint8Array): Promise<unknown>;
}

/** A question that waits for answers. */
interface Question {
  /** Who has not answered. */
  readonly waiting: Set<string>;
  readonly answers: Answer[];
  readonly deferred: Deferred<Answer[]>;
  deadline: Deadline | undefined;
}

/** What this node has asked. */
export class Asking {
  readonly #owner: AskingOwner;
  readonly #questions = new Map<number, Question>();
  #isClosed = false;

  constructor(owner: AskingOwner) {
    this.#owner = owner;
  }

  /** Questions that wait. */
  get size(): number {
    return this.#questions.size;
  }

  /**
   * Asks one node, or all others.
   *
   * @param within Milliseconds to answer in; Infinity for as long as they are there.
   * @returns An answer or an error of each. Rejects with `NodesError` `BUSY`, and with `LEFT` when the server is shut down.
   */
  ask(
    to: string | undefined,
    within: number,
    head: Head,
    payload?: Uint8Array,
  ): Promise<readonly Answer[]> {
    const { maxRequests, deadlines } = this.#owner;
    const deferred = newDeferred<Answer[]>();
    const others = this.#owner.others();
    const asked = to === undefined ? others : others.filter((id) => id === to);
    const question: Question = {
      waiting: new Set(asked),
      answers: [],
      deferred,
      deadline: undefined,
    };
    if (this.#isClosed) deferred.reject(new NodesError("LEFT"));
    else if (this.#questions.size >= maxRequests) {
      deferred.reject(new NodesError("BUSY", `maxRequests is ${maxRequests}`));
    } else if (asked.length === 0) {
      if (to !== undefined) question.answers.push(failed(to, new NodesError("GONE", to)));
      deferred.resolve(question.answers);
    } else {
      const number = this.#owner.nextNumber();
      this.#questions.set(number, question);
      question.deadline = deadlines.after(within, () => {
        this.#giveUp(number, "TIMEOUT");
      });
      const fields = { ...head, n: number, within: within === Infinity ? 0 : within };
      const topic = to === undefined ? allTopic : topicOf(to);
      whenSettled(this.#owner.say(topic, "ask", fields, payload), undefined, (cause) => {
        this.#giveUp(number, "UNREACHABLE", cause);
      });
    }
    return deferred.promise;
  }

  /** An answer has come. @returns Whether somebody waits for it. */
  take(message: NodeMessage): boolean {
    const { sender, head } = message;
    const question = isWhole(head.n) ? this.#questions.get(head.n) : undefined;
    if (!question?.waiting.delete(sender)) return false;
    const isError = head.error !== undefined;
    question.answers.push(
      isError
        ? failed(sender, errorOf(head.error))
        : { node: sender, message: keep(message), error: undefined },
    );
    if (question.waiting.size === 0) this.#settle(head.n as number, question);
    return true;
  }

  /** A node is there no more: nobody waits for it. */
  gone(id: string): void {
    for (const [number, question] of [...this.#questions]) {
      if (!question.waiting.delete(id)) continue;
      question.answers.push(failed(id, new NodesError("GONE", id)));
      if (question.waiting.size === 0) this.#settle(number, question);
    }
  }

  /** The server is shut down. */
  close(): void {
    this.#isClosed = true;
    for (const { deferred, deadline } of this.#questions.values()) {
      deadline?.cancel();
      deferred.reject(new NodesError("LEFT"));
    }
    this.#questions.clear();
  }

  /** Nobody is waited for any more. */
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
    deadline?.cancel();
    deferred.resolve(answers);
  }
}

function failed(node: string, error: NodesError): Answer {
  return { node, message: undefined, error };
}

/** What has come is the driver's: what is looked at later is copied. */
function keep(message: NodeMessage): NodeMessage {
  return { ...message, payload: new Uint8Array(message.payload) };
}
