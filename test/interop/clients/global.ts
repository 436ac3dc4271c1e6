/**
 * The runtime's own WebSocket as a client: `deno run -A global.ts CASES` and `bun global.ts CASES`.
 *
 * @module
 */

import process from "node:process";
import type { PlacedCase } from "../cases.ts";
import { type Implementation, runCases, type WebSocketLike } from "./web.ts";

const { WebSocket } = globalThis as unknown as {
  WebSocket: new (url: string, offered: string[]) => WebSocketLike;
};

/** Bun's WebSocket has what that of npm's ws has: `ping`, and an event for pongs. */
interface BunWebSocket extends WebSocketLike {
  ping(payload: Uint8Array): void;
  addEventListener(type: "pong", listener: (event: { readonly data: Uint8Array }) => void): void;
}

const implementation: Implementation = {
  connect: (url, offered) => new WebSocket(url, offered),
  ping: (ws, payload) =>
    new Promise((resolve) => {
      const bunWs = ws as BunWebSocket;
      bunWs.addEventListener("pong", ({ data }) => {
        resolve(new Uint8Array(data));
      });
      bunWs.ping(payload);
    }),
};

const [cases] = process.argv.slice(2) as [string];
for await (const result of runCases(implementation, JSON.parse(cases) as PlacedCase[])) {
  console.log(JSON.stringify(result));
}
