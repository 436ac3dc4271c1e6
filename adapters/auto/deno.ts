/** `framewire/auto` where the runtime is Deno. @module framewire/auto */
export {
  adopt,
  connect,
  connectStream,
  connectTransport,
  createServer,
  dial,
  listen,
  listenTransport,
  serve,
  WebSocketStream,
} from "../deno/index.ts";
