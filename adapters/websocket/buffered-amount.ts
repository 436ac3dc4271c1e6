/**
 * What is counted as buffered: bytes of messages, without what frames add to them, and as it was when the task began (WHATWG
 * WebSockets, 3.1).
 *
 * Theory of operation. A connection knows how many bytes of frames wait. What the messages among them hold is found by marks: at
 * the end of a turn in which something was sent, a mark says how many bytes of messages were in how many bytes of frames. Of what lies
 * between two marks, as large a part has left as the transport has taken of the frames. Nothing comes down inside of a turn.
 *
 * @module
 */

import type { Endpoint } from "../../src/endpoint/endpoint.ts";
import { Fifo } from "../../src/fifo.ts";
import { atEndOfTurn, type TurnListener } from "./tasks.ts";

/** Bytes of messages, and where in the bytes of frames they end. */
interface Mark {
  readonly payload: number;
  readonly end: number;
}

/** Counts what one WebSocket was given to send, and what of it has left. */
export class BufferedAmount implements TurnListener {
  /** Counts frames; undefined before there is a connection. */
  #endpoint: Endpoint | undefined;
  /** Bytes of messages that were given to the connection, and of those that have left it. */
  #given = 0;
  #handed = 0;
  /** Bytes that will never leave, or have not reached the connection yet. */
  #apart = 0;
  /** Bytes of frames that those lay in. */
  #end = 0;
  #marks: Fifo<Mark> | undefined;
  /** Whether something was sent in this turn. */
  #isInTurn = false;

  /** The connection is there. */
  begin(endpoint: Endpoint): void {
    this.#endpoint = endpoint;
  }

  /** Bytes that have not left. */
  get value(): number {
    if (!this.#isInTurn) this.#settle();
    return this.#given - this.#handed + this.#apart;
  }

  /** A message was given to the connection. @param size Its bytes. */
  add(size: number): void {
    this.#given += size;
    if (this.#isInTurn) return;
    this.#isInTurn = true;
    atEndOfTurn(this);
  }

  /** A message waits elsewhere, or comes to nothing; with a negative number, it waits no longer. */
  addApart(size: number): void {
    this.#apart += size;
  }

  /** What was sent in the turn may have left by now. */
  onTurn(): void {
    this.#isInTurn = false;
    const endpoint = this.#endpoint;
    if (endpoint === undefined) return;
    if (endpoint.output.unsent > 0) {
      const { unsent, gathered } = endpoint.output;
      // What is still to be made into frames ends nobody knows where: it has left when all has.
      const end = unsent > gathered ? Infinity : endpoint.sent.bytes;
      this.#marks ??= new Fifo<Mark>();
      this.#marks.push({ payload: this.#given, end });
    }
    this.#settle();
  }

  /** The connection is over: nothing leaves any more. @param isClean Whether all that was sent had left. */
  end(isClean: boolean): void {
    if (isClean) this.#handed = this.#given;
    this.#endpoint = undefined;
    this.#marks = undefined;
  }

  /** Looks at what has left; the last turn's sends are behind a mark, or have left. */
  #settle(): void {
    const endpoint = this.#endpoint;
    // What was unsent when the socket was dropped is counted no more, and has not left.
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
