/**
 * A transport's handler that ignores all events.
 *
 * @module
 */

import type { TransportHandler } from "../src/transport.ts";

/** Does nothing. It is the handler before another is set, and after the last event. */
export const silent: TransportHandler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
