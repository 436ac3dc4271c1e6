/** `framewire/auto` where the runtime is Deno. @module framewire/auto */
export {
  connect,
  connectStream,
  connectTransport,
  dial,
  listen,
  listenTransport,
  serve,
  WebSocketStream,
} from "../deno/index.ts";
