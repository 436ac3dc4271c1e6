/** Deno's own types fit what the adapter says of them. Compiled with them alone; never run. */
import { type DenoConn, type DenoListener, DenoTransport, serve } from "../../adapters/deno.ts";

declare const conn: Deno.TcpConn;
export const fits: DenoConn = conn;
export const listener: DenoListener = Deno.listen({ port: 0 });
export const transport: DenoTransport = new DenoTransport(await Deno.connect({ port: 1 }));
export const server: { readonly port: number } = await serve({ port: 0 }, {});
