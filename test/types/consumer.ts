/** The built package compiles for a user who has no runtime's types at all, libraries checked. Never run. */
import { type Connection, ProtocolError, rejectConnection } from "framewire";
import * as auto from "framewire/auto";
import * as bun from "framewire/bun";
import * as deno from "framewire/deno";
import { Endpoint } from "framewire/endpoint";
import { FrameDecoder, OpText } from "framewire/frame";
import { acceptKey } from "framewire/handshake";
import { HeadParser } from "framewire/http";
import { memoryPair } from "framewire/memory";
import * as node from "framewire/node";

export const values = [Endpoint, FrameDecoder, OpText, acceptKey, HeadParser, memoryPair];

for (const { serve } of [auto, bun, deno, node]) {
  await serve<{ user: string }>(
    { port: 0 },
    {
      upgrade(request) {
        if (request.origin === undefined) throw rejectConnection();
        return { context: { user: request.host } };
      },
      async message(ws, data) {
        const user: string = ws.context.user;
        await ws.send(typeof data === "string" ? user + data : data.subarray(1));
      },
      error(ws: Connection<{ user: string }>, error) {
        if (error instanceof ProtocolError && error.code === "MASK_REQUIRED") ws.terminate();
      },
    },
  );
}
