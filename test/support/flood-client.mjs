/**
 * A client that floods a server with messages, as fast as the socket takes them: `node flood-client.mjs PORT COUNT SIZE`.
 * It prints "stalled N" when the socket has taken nothing for half a second with N messages handed to it, and "done".
 */

import { connect } from "node:net";
import process from "node:process";

const [port, count, size] = process.argv.slice(2).map(Number);

/** A masked binary frame with a masking key of zeros, numbered by its first four bytes. */
function frame(number) {
  const bytes = Buffer.alloc(14 + size);
  bytes.writeUInt8(0x82, 0);
  bytes.writeUInt8(0x80 | 127, 1);
  bytes.writeBigUInt64BE(BigInt(size), 2);
  bytes.writeUInt32BE(number, 14);
  return bytes;
}

const socket = connect(port, "127.0.0.1");
socket.write(
  [
    "GET / HTTP/1.1",
    "Host: localhost",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "\r\n",
  ].join("\r\n"),
);
socket.once("data", async () => {
  let stalled;
  for (let number = 0; number < count; number++) {
    if (socket.write(frame(number))) continue;
    stalled = setTimeout(() => console.log(`stalled ${number}`), 500);
    await new Promise((resolve) => socket.once("drain", resolve));
    clearTimeout(stalled);
  }
  socket.end(Buffer.from([0x88, 0x80, 0, 0, 0, 0]), () => console.log("done"));
});
