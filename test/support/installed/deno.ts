/** A user on Deno, with Deno's types. Compiled against the installed package; never run. */
import { connect, serve } from "framewire/deno";
import type { Connection } from "framewire";

export const server = await serve(
  { listener: Deno.listen({ port: 0 }) },
  { message: (ws, data) => ws.send(data) },
);

const ws: Connection = await connect("ws://localhost/", { signal: AbortSignal.timeout(1000) });
for await (const data of ws) console.log(data.length);
