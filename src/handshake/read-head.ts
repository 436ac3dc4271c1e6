/**
 * Reads a head from a stream.
 *
 * @module
 */

import { TransportError } from "../errors.ts";
import type { Head } from "../http/head.ts";
import type { HeadParser } from "../http/parser.ts";
import type { BufferedStream } from "../io/buffered.ts";

/**
 * Reads until a head is complete. The head may lie in the stream's buffer, so it is valid until the next read.
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
