/** A user on Node, with Node's types. Compiled against the installed package; never run. */
import { createServer } from "node:http";
import { connect, type NodeSocket, serve } from "framewire/node";
import { type Connection, ProtocolError } from "framewire";

export const server = await serve(
  { server: createServer() },
  {
    upgrade: (request) => ({ context: { room: request.query.get("room") } }),
    message: (ws, data) => ws.send(Buffer.from(data)),
    error(ws, error) {
      if (error instanceof ProtocolError && error.code === "INVALID_UTF8") ws.terminate();
    },
  },
);

const ws: Connection = await connect("ws://localhost/", { signal: AbortSignal.timeout(1000) });
for await (const data of ws) console.log(data.length);

export type Socket = NodeSocket;
