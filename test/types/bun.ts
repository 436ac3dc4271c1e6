/** Bun's own types fit what the adapter says of them. Compiled with them alone; never run. */
import { type BunSocket, BunTransport, serve } from "../../adapters/bun.ts";

declare const socket: Bun.Socket<BunTransport>;
export const fits: BunSocket = socket;
export const transport: BunTransport = new BunTransport(socket);
export const server: { readonly port: number } = await serve({ port: 0 }, {});
