/** `framewire/auto` where the runtime is Bun. @module */
export {
  connect,
  connectStream,
  connectTransport,
  dial,
  listen,
  listenTransport,
  serve,
  WebSocketStream,
} from "../bun.ts";
