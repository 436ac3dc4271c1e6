/** `framewire/auto` where the runtime is Node. @module */
export { connectStream, connectTransport, dial, listen, listenTransport, serve } from "../node.ts";
