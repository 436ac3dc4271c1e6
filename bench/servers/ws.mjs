/**
 * An echo with npm's `ws`, on Node, as its documentation shows it; compression is off, as by its default.
 */

import { WebSocketServer } from "ws";

const server = new WebSocketServer({ port: 0, host: "127.0.0.1" }, () => {
  console.log(`listening on ${server.address().port}`);
});
server.on("connection", (ws) => {
  ws.on("error", () => {});
  ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary }));
});
