/**
 * What has gone over a connection, counted.
 *
 * @module
 */

import type { Header } from "../frame/header.ts";

/** What went one way; numbers only grow. */
export class Traffic {
  /** Messages that were complete. */
  messages = 0;
  /** Bytes of those messages, as the application has them. */
  payload = 0;
  /** Frames, control frames included. */
  frames = 0;
  /** Bytes on the wire, below TLS. */
  bytes = 0;
  /** Is told of each frame; the header is valid until it returns. */
  readonly #onFrame: ((header: Header) => void) | undefined;

  /** Begins with nothing. @param onFrame Is told of each frame; the header is valid until it returns. */
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
