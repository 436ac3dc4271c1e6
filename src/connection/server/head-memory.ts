/**
 * The memory of heads that a server keeps for its plain requests.
 *
 * @module
 */

import { copy, noBytes } from "../../bytes.ts";
import type { Head } from "../../http/head.ts";

/**
 * Heads share arrays of this size. An array of its own for each head was a tenth of the cost of a plain request on Node, and more by
 * the garbage that it left. A request that an application keeps holds at most one such array.
 */
const sharedSize = 8 * 1024;
/** Heads of up to this size are shared. A larger one has an array of its own. */
const largestShared = 1024;

let shared: Uint8Array = noBytes;
let end = 0;

/** Copies the bytes of a head, as its `retain` does, to an array that it shares with other heads. */
export function keepHead(head: Head): void {
  const { bytes, size } = head;
  if (size > largestShared) {
    head.retain();
    return;
  }
  if (end + size > shared.length) {
    shared = new Uint8Array(sharedSize);
    end = 0;
  }
  const start = head.targetByte - head.targetStart;
  copy(shared, end, bytes, start, start + size);
  head.moveTo(shared, end);
  end += size;
}
