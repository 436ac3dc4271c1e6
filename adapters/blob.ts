/**
 * Recognizes Blobs, for the classes whose `send` takes them.
 *
 * @module
 */

import type { BlobLike } from "../src/connection/data.ts";

/** Tells whether data is a Blob or a File of any realm: its bytes come by a promise. */
export function isBlob(data: unknown): data is BlobLike {
  // The check for bytes comes first, since most messages are bytes: reading a tag of theirs costs more than everything else here.
  if (typeof data !== "object" || data === null || data instanceof Uint8Array) return false;
  const { arrayBuffer, [Symbol.toStringTag]: tag } = data as Record<PropertyKey, unknown>;
  return typeof arrayBuffer === "function" && (tag === "Blob" || tag === "File");
}
