/**
 * A compressed echo with Bun's own WebSocket server: a compressor of its own for each connection, or one for all where
 * "shared" is given.
 */

const [compress = "dedicated"] = process.argv.slice(2);
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request, server) {
    return server.upgrade(request) ? undefined : new Response("no upgrade", { status: 400 });
  },
  websocket: {
    perMessageDeflate: { compress, decompress: compress },
    message(ws, message) {
      ws.send(message, true);
    },
  },
});
console.log(`listening on ${server.port}`);
