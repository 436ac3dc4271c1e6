/**
 * Publishes what happens to connections on `node:diagnostics_channel`, which Deno and Bun have too.
 *
 * Channels and their messages: `framewire.connection.open` { connection }, `framewire.connection.error`
 * { connection, error }, `framewire.connection.close` { connection, closure }, `framewire.handshake.refused`
 * { error, remoteAddress }, `framewire.backplane` { event }, with the events of the handler `backplane`. A channel without
 * subscribers costs one check.
 *
 * @example
 * import { subscribe } from "node:diagnostics_channel";
 *
 * subscribe("framewire.connection.close", ({ connection, closure }) => console.log(closure.status));
 *
 * @module
 */

import { channel } from "node:diagnostics_channel";
import type { Observer } from "../src/connection/runtime-services.ts";

const opened = /* @__PURE__ */ channel("framewire.connection.open");
const failed = /* @__PURE__ */ channel("framewire.connection.error");
const closed = /* @__PURE__ */ channel("framewire.connection.close");
const refused = /* @__PURE__ */ channel("framewire.handshake.refused");
const backplane = /* @__PURE__ */ channel("framewire.backplane");

/** Tells whether a channel that publishes connections has subscribers. */
export function hasWatchers(): boolean {
  return opened.hasSubscribers || failed.hasSubscribers || closed.hasSubscribers;
}

/** Publishes everything that it is told. */
export const observer: Observer = {
  opened(connection) {
    if (opened.hasSubscribers) opened.publish({ connection });
  },
  failed(connection, error) {
    if (failed.hasSubscribers) failed.publish({ connection, error });
  },
  closed(connection, closure) {
    if (closed.hasSubscribers) closed.publish({ connection, closure });
  },
  refused(error, remoteAddress) {
    if (refused.hasSubscribers) refused.publish({ error, remoteAddress });
  },
  backplane(event) {
    if (backplane.hasSubscribers) backplane.publish({ event });
  },
};
