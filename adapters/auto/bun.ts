/** `framewire/auto` where the runtime is Bun. @module framewire/auto */
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
} from "../bun/index.ts";
