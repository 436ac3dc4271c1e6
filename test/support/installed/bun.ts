/** A user on Bun, with Bun's types. Compiled against the installed package; never run. */
import { connect, serve } from "framewire/bun";
import type { Connection } from "framewire";

export const server = await serve(
  { port: 0, tls: { cert: await Bun.file("cert.pem").text(), key: "" } },
  { message: (ws, data) => ws.send(data) },
);

const ws: Connection = await connect("ws://localhost/", { signal: AbortSignal.timeout(1000) });
for await (const data of ws) console.log(data.length);
