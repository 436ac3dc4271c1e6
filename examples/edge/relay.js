/**
 * A Durable Object that speaks to many: one connection of framewire's to a feed, with a secret that browsers must not know, and
 * what comes of it for all browsers, over the WebSockets of the platform.
 */

import { connect } from "framewire/cloudflare";

export class Relay {
  /** @type {Promise<import("framewire").Connection> | undefined} */
  #feed;
  /** @type {Set<WebSocket>} */
  #browsers = new Set();
  #env;

  /**
   * @param {unknown} _
   * @param {{ FEED: string, TOKEN: string }} env
   */
  constructor(_, env) {
    this.#env = env;
  }

  fetch() {
    const { WebSocketPair } = /** @type {any} */ (globalThis);
    const { 0: theirs, 1: ours } = new WebSocketPair();
    ours.accept();
    this.#browsers.add(ours);
    ours.addEventListener("close", () => void this.#browsers.delete(ours));
    ours.addEventListener("message", async (/** @type {{ data: string }} */ { data }) => {
      const feed = await (this.#feed ??= this.#open());
      await feed.send(data);
    });
    return new Response(null, /** @type {any} */ ({ status: 101, webSocket: theirs }));
  }

  /** Opens the connection, with the first message; it is opened again where it is lost. */
  #open() {
    return connect(
      this.#env.FEED,
      { headers: [["Authorization", `Bearer ${this.#env.TOKEN}`]], pingInterval: 20_000 },
      {
        message: (_, data) => {
          for (const browser of this.#browsers) browser.send(data);
        },
        close: () => {
          this.#feed = undefined;
          for (const browser of this.#browsers) browser.close(1012, "Feed is gone");
        },
      },
    );
  }
}

export default {
  /**
   * @param {Request} request
   * @param {{ RELAY: any }} env
   */
  fetch(request, env) {
    if (request.headers.get("Upgrade") !== "websocket") {
      return new Response("This is a WebSocket server\n", { status: 426 });
    }
    return env.RELAY.get(env.RELAY.idFromName("one for all")).fetch(request);
  },
};
