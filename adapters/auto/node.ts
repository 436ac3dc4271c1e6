/** `framewire/auto` where the runtime is Node. @module framewire/auto */
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
} from "../node/index.ts";
