/**
 * The two doors for an extension that uses reserved bits: clear them on the way in, set them on the way out.
 *
 * @module
 */

import type { Header } from "../frame/header.ts";

/** What an extension does with the headers that a Reader reads. */
export interface RecvExtension {
  /**
   * Clears the reserved bits that are the extension's own, in `header`, and remembers what they said.
   *
   * @throws {ProtocolError} A bit is set where the extension does not allow it.
   * @see gobwas RecvExtension
   */
  unsetBits(header: Header): void;
}

/** What an extension does with the headers that a Writer writes. */
export interface SendExtension {
  /**
   * Sets the reserved bits that are the extension's own, in `header`.
   *
   * @see gobwas SendExtension
   */
  setBits(header: Header): void;
}
