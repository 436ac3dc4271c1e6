/** `framewire/auto` where the runtime is Deno. @module */
export { connectStream, connectTransport, dial, listen, listenTransport, serve } from "../deno.ts";
