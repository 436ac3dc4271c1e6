/**
 * Who gets the events of a transport that nobody listens to.
 *
 * @module
 */

import type { TransportHandler } from "../src/transport.ts";

/** Does nothing: before there is a handler, and once the last event has been told. */
export const silent: TransportHandler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
