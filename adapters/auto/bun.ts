/** `framewire/auto` where the runtime is Bun. @module */
export { connectStream, connectTransport, dial, listen, listenTransport, serve } from "../bun.ts";
