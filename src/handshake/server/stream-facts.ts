/**
 * What a byte stream tells of the connection that it is.
 *
 * @module
 */

import type { ByteStream } from "../../io/byte-stream.ts";
import type { TransportFacts } from "../../transport.ts";

/** Who is at the other end of a stream; what it does not tell is undefined. */
export type StreamFacts = Pick<TransportFacts, "remoteAddress" | "remotePort" | "encrypted">;

/** What a stream may have: the facts, or the stream that it reads from. */
type Telling = Partial<StreamFacts> & { readonly inner?: unknown };

/** Gives what a stream tells, or the one that it reads from; undefined where none of them tells an address. */
export function streamFacts(stream: ByteStream): Partial<StreamFacts> | undefined {
  let told: unknown = stream;
  while (typeof told === "object" && told !== null) {
    if ("remoteAddress" in told) return told as Partial<StreamFacts>;
    told = (told as Telling).inner;
  }
  return undefined;
}
