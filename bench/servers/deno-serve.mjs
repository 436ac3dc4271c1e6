/**
 * An echo with Deno's own WebSocket server.
 */

const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => socket.send(data);
  socket.onerror = () => {};
  return response;
});
console.log(`listening on ${server.addr.port}`);
