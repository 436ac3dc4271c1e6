/**
 * A compressed echo with npm's `ws`, on Node: with its defaults, or with the threshold that is given.
 */

import { WebSocketServer } from "ws";

const [threshold] = process.argv.slice(2);
const perMessageDeflate = threshold === undefined ? true : { threshold: Number(threshold) };
const options = { port: 0, host: "127.0.0.1", perMessageDeflate };
const server = new WebSocketServer(options, () => {
  console.log(`listening on ${server.address().port}`);
});
server.on("connection", (ws) => {
  ws.on("error", () => {});
  ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary }));
});
