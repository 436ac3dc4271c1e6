/** Comes to a room of room.js: a browser, or a runtime that has a WebSocket of its own. */

import { connect } from "framewire/streams";
import { pairOf } from "./pair.js";

/**
 * @param {string} url Of the room, such as wss://rooms.example.workers.dev/lobby.
 * @param {typeof WebSocket} [Carrier] What carries the bytes. Default: the platform's own.
 */
export function enter(url, Carrier = WebSocket) {
  return connect("ws://room/", { open: () => pairOf(new Carrier(url)) });
}
