/** Node's own types fit what the adapter says of them. Compiled with them alone; never run. */
import { Socket } from "node:net";
import type { UpgradeRequest } from "../../src/index.ts";
import { type NodeSocket, NodeTransport, serve } from "../../adapters/node.ts";

/** Where a runtime's types are at hand, a request's query is the runtime's own class. */
export const query = (request: UpgradeRequest): URLSearchParams => request.query;

export const fits: NodeSocket = new Socket({ allowHalfOpen: true });
export const transport: NodeTransport = new NodeTransport(fits);
export const server: { readonly port: number } = await serve({ port: 0 }, {});
