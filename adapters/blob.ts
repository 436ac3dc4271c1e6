/**
 * Which data is a Blob, for the interfaces that send one.
 *
 * @module
 */

import type { BlobLike } from "../src/connection/data.ts";

/** Tells whether data is a Blob or a File, of whatever realm: its bytes have to be asked for. */
export function isBlob(data: unknown): data is BlobLike {
  // Bytes first, which most messages are: to ask them for a tag costs more than all else here.
  if (typeof data !== "object" || data === null || data instanceof Uint8Array) return false;
  const { arrayBuffer, [Symbol.toStringTag]: tag } = data as Record<PropertyKey, unknown>;
  return typeof arrayBuffer === "function" && (tag === "Blob" || tag === "File");
}
