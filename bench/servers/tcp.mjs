/**
 * A plain TCP echo on the runtime at hand: what its sockets can do when nobody looks at the bytes.
 */

const hostname = "127.0.0.1";

async function onNode() {
  const { createServer } = await import("node:net");
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      if (socket.write(chunk)) return;
      socket.pause();
      socket.once("drain", () => socket.resume());
    });
  });
  await new Promise((resolve) => server.listen(0, hostname, resolve));
  return server.address().port;
}

function onDeno() {
  const listener = Deno.listen({ port: 0, hostname });
  async function echo(conn) {
    const buffer = new Uint8Array(64 * 1024);
    try {
      conn.setNoDelay(true);
      for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
        for (let at = 0; at < count;) at += await conn.write(buffer.subarray(at, count));
      }
    } catch {
      // The client has gone.
    } finally {
      conn.close();
    }
  }
  (async () => {
    for (;;) {
      try {
        void echo(await listener.accept());
      } catch {
        // A client that has gone before it was accepted; an iterator would end here, and the server with it.
      }
    }
  })();
  return listener.addr.port;
}

function onBun() {
  const listener = Bun.listen({
    port: 0,
    hostname,
    socket: {
      binaryType: "uint8array",
      open(socket) {
        socket.setNoDelay(true);
        socket.data = [];
      },
      data(socket, chunk) {
        const taken = socket.data.length > 0 ? 0 : socket.write(chunk);
        if (taken < chunk.length) socket.data.push(chunk.subarray(taken));
      },
      drain(socket) {
        const waiting = socket.data;
        while (waiting.length > 0) {
          const taken = socket.write(waiting[0]);
          if (taken < waiting[0].length) {
            waiting[0] = waiting[0].subarray(Math.max(taken, 0));
            return;
          }
          waiting.shift();
        }
      },
    },
  });
  return listener.port;
}

const start = globalThis.Bun ? onBun : globalThis.Deno ? onDeno : onNode;
console.log(`listening on ${await start()}`);
