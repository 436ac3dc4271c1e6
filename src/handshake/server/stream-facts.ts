/**
 * The facts that a byte stream has about its connection.
 *
 * @module
 */

import type { ByteStream } from "../../io/byte-stream.ts";
import type { TransportFacts } from "../../transport.ts";

/** The other end of a stream. A fact that the stream does not have is undefined. */
export type StreamFacts = Pick<TransportFacts, "remoteAddress" | "remotePort" | "encrypted">;

/** A stream that may have facts, or an inner stream. */
type Telling = Partial<StreamFacts> & { readonly inner?: unknown };

/** Gives the facts of a stream or of its inner stream; undefined if none has an address. */
export function streamFacts(stream: ByteStream): Partial<StreamFacts> | undefined {
  let told: unknown = stream;
  while (typeof told === "object" && told !== null) {
    if ("remoteAddress" in told) return told as Partial<StreamFacts>;
    told = (told as Telling).inner;
  }
  return undefined;
}
