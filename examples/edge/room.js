/**
 * A Durable Object that is a framewire server: who is in a room gets what is said there. A Worker is given no bytes of those who
 * connect, but WebSockets, so that the bytes go in their messages (pair.js); client.js is who comes.
 */

import { createServer, streamsTransport } from "framewire/streams";
import { pairOf } from "./pair.js";

export class Room {
  #server = createServer(
    { pingInterval: 30_000, maxConnections: 1000 },
    {
      open: (ws) => {
        ws.subscribe("said");
      },
      message: (_, data) => {
        this.#server.publish("said", data);
      },
    },
  );

  /** @param {Request} request */
  fetch(request) {
    const { WebSocketPair } = /** @type {any} */ (globalThis);
    const { 0: theirs, 1: ours } = new WebSocketPair();
    ours.accept();
    const remoteAddress = request.headers.get("CF-Connecting-IP") ?? undefined;
    this.#server.accept(streamsTransport(pairOf(ours), { remoteAddress }));
    return new Response(null, /** @type {any} */ ({ status: 101, webSocket: theirs }));
  }
}

export default {
  /**
   * @param {Request} request
   * @param {{ ROOM: any }} env
   */
  fetch(request, env) {
    if (request.headers.get("Upgrade") !== "websocket") {
      return new Response("This is a WebSocket server\n", { status: 426 });
    }
    const room = env.ROOM.idFromName(new URL(request.url).pathname);
    return env.ROOM.get(room).fetch(request);
  },
};
