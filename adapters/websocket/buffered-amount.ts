/**
 * Computes `bufferedAmount`: unsent bytes of messages, without headers of frames, as of the beginning of the task (WHATWG
 * WebSockets, 3.1).
 *
 * Theory of operation. A connection knows how many bytes of frames wait, but not how many message bytes these contain. So at the
 * end of each turn that sent something, a mark stores how many bytes of messages lie in how many bytes of frames. Between two
 * marks, the part of the message bytes that has left is taken to be the part of the frame bytes that has left. The value never
 * falls inside a turn.
 *
 * @module
 */

import type { Endpoint } from "../../src/endpoint/endpoint.ts";
import { Fifo } from "../../src/fifo.ts";
import { atEndOfTurn, type TurnListener } from "./tasks.ts";

/** Bytes of messages so far, and where they end in the bytes of frames. */
interface Mark {
  readonly payload: number;
  readonly end: number;
}

/** Counts the bytes that one WebSocket was given to send, and those that have left. */
export class BufferedAmount implements TurnListener {
  /** Counts the frames; undefined before there is a connection. */
  #endpoint: Endpoint | undefined;
  /** Bytes of messages that were given to the connection, and of those that have left it. */
  #given = 0;
  #handed = 0;
  /** Bytes that will never leave, or have not reached the connection yet. */
  #apart = 0;
  /** The end of the handed bytes in the bytes of frames. */
  #end = 0;
  #marks: Fifo<Mark> | undefined;
  /** Whether something was sent in this turn. */
  #isInTurn = false;

  /** Begins to count: the connection is there. */
  begin(endpoint: Endpoint): void {
    this.#endpoint = endpoint;
  }

  /** Bytes that have not left. */
  get value(): number {
    if (!this.#isInTurn) this.#settle();
    return this.#given - this.#handed + this.#apart;
  }

  /** Counts a message that was given to the connection. @param size Its bytes. */
  add(size: number): void {
    this.#given += size;
    if (this.#isInTurn) return;
    this.#isInTurn = true;
    atEndOfTurn(this);
  }

  /** Counts a message that waits elsewhere, or will never leave. A negative number takes it off again. */
  addApart(size: number): void {
    this.#apart += size;
  }

  /** Looks at what has left: the turn is over. */
  onTurn(): void {
    this.#isInTurn = false;
    const endpoint = this.#endpoint;
    if (endpoint === undefined) return;
    if (endpoint.output.unsent > 0) {
      const { unsent, gathered } = endpoint.output;
      // Nobody knows where bytes that are not in frames yet will end: they count as left when everything has left.
      const end = unsent > gathered ? Infinity : endpoint.sent.bytes;
      this.#marks ??= new Fifo<Mark>();
      this.#marks.push({ payload: this.#given, end });
    }
    this.#settle();
  }

  /** Ends the count: the connection is over. @param isClean Whether everything that was sent had left. */
  end(isClean: boolean): void {
    if (isClean) this.#handed = this.#given;
    this.#endpoint = undefined;
    this.#marks = undefined;
  }

  /** Looks at what has left. The sends of the last turn are behind a mark, or have left. */
  #settle(): void {
    const endpoint = this.#endpoint;
    // The unsent bytes of a dropped socket no longer count as unsent, but they have not left.
    if (endpoint === undefined || endpoint.stage === "dropped" || endpoint.stage === "closed")
      return;
    const { unsent, gathered } = endpoint.output;
    if (unsent === 0) {
      this.#handed = this.#given;
      this.#end = endpoint.sent.bytes;
      this.#marks = undefined;
      return;
    }
    const taken = endpoint.sent.bytes - gathered;
    for (let mark = this.#marks?.first; mark !== undefined; mark = this.#marks!.first) {
      const isWhole = mark.end <= taken;
      const part = isWhole ? 1 : (taken - this.#end) / (mark.end - this.#end);
      this.#handed += Math.floor(part * (mark.payload - this.#handed));
      this.#end = Math.max(this.#end, Math.min(taken, mark.end));
      if (!isWhole) return;
      this.#marks!.shift();
    }
  }
}
