/** Deno's own types fit what the adapter says of them. Compiled with them alone; never run. */
import {
  type DenoConn,
  type DenoListener,
  DenoTransport,
  connectTransport,
  serve,
} from "../../adapters/deno/index.ts";
import type { Connect, Signal } from "../../src/transport.ts";

declare const conn: Deno.TcpConn;
export const fits: DenoConn = conn;
export const listener: DenoListener = Deno.listen({ port: 0 });
export const transport: DenoTransport = new DenoTransport(await Deno.connect({ port: 1 }));
export const server: { readonly port: number } = await serve({ port: 0 }, {});
declare const signal: Signal;
export const connects: Connect = connectTransport;
export const length: number = await connectTransport(
  { hostname: "localhost", port: 1, tls: {}, signal },
  (connected) => connected.remoteAddress?.length ?? 0,
);

declare const tlsConn: Deno.TlsConn;
export const fitsToo: DenoConn = tlsConn;
