import { setImmediate } from "node:timers";
import { silent } from "../../adapters/silent.ts";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { concat, latin1 } from "../../src/bytes.ts";
import { type AdoptOptions, adoptOn } from "../../src/connection/adopt.ts";
import type { Transport } from "../../src/transport.ts";
import { upgradeRequest } from "../support/peer.ts";
import type { Side } from "./side.ts";

/** Does the handshake of a client by hand, and lets the library have what comes of it. */

/** Resolves when the connection is adopted. Rejects where the network breaks before. */
export function adopted(
  transport: Transport,
  compression: boolean,
  options: Pick<AdoptOptions, "options" | "clock">,
  client: Side,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let head: Uint8Array = new Uint8Array(0);
    transport.handler = {
      ...silent,
      onData(chunk: Uint8Array) {
        head = concat([head, chunk]);
        const text = latin1(head, 0, head.length);
        const end = text.indexOf("\r\n\r\n");
        if (end < 0) return;
        const extensions = /^sec-websocket-extensions: *(.*?)\r$/im.exec(
          text.slice(0, end + 2),
        )?.[1];
        const early = head.slice(end + 4);
        adoptOn(transport, { side: "client", extensions, early, ...options }, client.handlers(), {
          engine: zlibEngine(),
          afterTurn: (task) => void setImmediate(task),
        });
        resolve();
      },
      onEnd() {
        transport.end();
      },
      onClose() {
        reject(new Error("The network broke during the handshake"));
      },
    };
    const offer = { "Sec-WebSocket-Extensions": "permessage-deflate" };
    transport.write(upgradeRequest(compression ? offer : {}));
  });
}
