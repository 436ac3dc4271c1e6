export {
  createWebSocketStream,
  default,
  Sender,
  subprotocol,
  WebSocket,
  WebSocketServer,
} from "framewire/ws";
