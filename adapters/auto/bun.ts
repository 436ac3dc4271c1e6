/** `framewire/auto` where the runtime is Bun. @module framewire/auto */
export {
  connect,
  connectStream,
  connectTransport,
  dial,
  listen,
  listenTransport,
  serve,
  WebSocketStream,
} from "../bun/index.ts";
