/**
 * A head read from a stream: the one place where pulled bytes meet the parser.
 *
 * @module
 */

import { TransportError } from "../errors.ts";
import type { Head } from "../http/head.ts";
import type { HeadParser } from "../http/parser.ts";
import type { BufferedStream } from "../io/buffered.ts";

/**
 * Reads until a head is complete. It may lie in the stream's buffer, and is readable until more is read.
 *
 * @throws {TransportError} `UNEXPECTED_END`
 */
export async function readHead(stream: BufferedStream, parser: HeadParser): Promise<Head> {
  for (;;) {
    if (stream.buffered === 0 && (await stream.fill()) === 0) {
      throw new TransportError("UNEXPECTED_END");
    }
    const start = stream.start;
    stream.consume(parser.feed(stream.bytes, start, stream.end) - start);
    if (parser.isComplete) return parser.head;
  }
}
