/** `framewire/auto` where the runtime is Node. @module */
export {
  connect,
  connectStream,
  connectTransport,
  dial,
  listen,
  listenTransport,
  serve,
  WebSocketStream,
} from "../node.ts";
