/**
 * Counts what has gone over a connection.
 *
 * @module
 */

import type { Header } from "../frame/header.ts";

/** Counts what went in one direction; the numbers only grow. */
export class Traffic {
  /** Complete messages. */
  messages = 0;
  /** Payload bytes of those messages, as the application has them: not compressed. */
  payload = 0;
  /** Frames, control frames included. */
  frames = 0;
  /** Bytes on the wire, below TLS. */
  bytes = 0;
  /** Called for each frame; the header is valid until it returns. */
  readonly #onFrame: ((header: Header) => void) | undefined;

  /** Begins at 0. @param onFrame Called for each frame; the header is valid until it returns. */
  constructor(onFrame?: (header: Header) => void) {
    this.#onFrame = onFrame;
  }

  /** Counts a frame. */
  addFrame(header: Header): void {
    this.frames++;
    this.#onFrame?.(header);
  }

  /** Counts a message. */
  addMessage(size: number): void {
    this.messages++;
    this.payload += size;
  }
}
