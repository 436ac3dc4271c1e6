import { ClosedError, LimitError } from "../../src/errors.ts";
import type { Entry, Journal } from "./journal.ts";

/*
 * Senders that asked to be told when the system has taken their message: each is told once, in the order of the sends.
 */

interface Question {
  readonly label: string;
  readonly entry: Entry | undefined;
  calls: number;
}

export class Told {
  readonly #journal: Journal;
  readonly #questions: Question[] = [];
  /** Place among the questions of the last message that was taken. */
  #lastTaken = -1;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Asks for one message. Gives the callback, and what must be called when `send` has returned. */
  ask(
    label: string,
    entry: Entry | undefined,
  ): { sent: (error?: Error) => void; after: () => void } {
    const journal = this.#journal;
    const question: Question = { label, entry, calls: 0 };
    const place = this.#questions.push(question) - 1;
    let isInside = true;
    return {
      sent: (error) => {
        journal.stamp();
        question.calls++;
        if (isInside) journal.found(`sent of ${label} is called inside send`);
        if (question.calls > 1) journal.found(`sent of ${label} is called ${question.calls} times`);
        if (error === undefined) {
          if (place < this.#lastTaken) journal.found(`sent of ${label} is called out of order`);
          this.#lastTaken = place;
          if (entry === undefined || entry.isVoid) {
            journal.found(`sent of ${label} says that it was taken, though it was refused`);
          }
        } else if (!(error instanceof ClosedError) && !(error instanceof LimitError)) {
          journal.found(`sent of ${label} is told what is nobody's business: ${String(error)}`);
        }
      },
      after() {
        isInside = false;
      },
    };
  }

  /** @param when Whoever has asked must have been told by then. */
  check(when: string): void {
    for (const { label, calls } of this.#questions) {
      if (calls === 0) this.#journal.found(`${when}, and sent of ${label} was not called`);
    }
  }
}
