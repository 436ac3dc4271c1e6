/** `framewire/auto` where the runtime is Node. @module framewire/auto */
export {
  connect,
  connectStream,
  connectTransport,
  dial,
  listen,
  listenTransport,
  serve,
  WebSocketStream,
} from "../node/index.ts";
