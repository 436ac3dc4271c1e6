/** Bun's own types fit what the adapter says of them. Compiled with them alone; never run. */
import { type BunSocket, BunTransport, connectTransport, serve } from "../../adapters/bun/index.ts";
import type { UpgradeRequest } from "../../src/index.ts";
import type { Connect } from "../../src/transport.ts";

/** Where a runtime's types are at hand, a request's signal is one that other calls of the runtime take. */
export const stops = (request: UpgradeRequest): AbortSignal => request.signal;

declare const socket: Bun.Socket<BunTransport>;
export const fits: BunSocket = socket;
export const transport: BunTransport = new BunTransport(socket);
export const server: { readonly port: number } = await serve({ port: 0 }, {});
export const connects: Connect = connectTransport;
export const length: number = await connectTransport(
  { hostname: "localhost", port: 1, tls: {}, signal: new AbortController().signal },
  (connected) => connected.remoteAddress?.length ?? 0,
);
