/** Node's own types fit what the adapter says of them. Compiled with them alone; never run. */
import { Socket } from "node:net";
import { type NodeSocket, NodeTransport, serve } from "../../adapters/node.ts";

export const fits: NodeSocket = new Socket({ allowHalfOpen: true });
export const transport: NodeTransport = new NodeTransport(fits);
export const server: { readonly port: number } = await serve({ port: 0 }, {});
