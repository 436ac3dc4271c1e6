/**
 * The Worker of the tests: does what it is asked for by name, and answers with what came of it, or with what was thrown.
 */

import { connect as connectSocket } from "cloudflare:sockets";
import { connect, connectStream, dial, WebSocketStream } from "framewire/cloudflare";
import { connect as connectStreams } from "framewire/streams";
import { OpText } from "framewire/frame";
import { readServerText, writeClientText } from "framewire/stream";

/** Opens a socket, as an application that knows nothing of framewire/cloudflare would. */
const openSocket = ({ hostname, port, encrypted }) =>
  connectSocket(
    { hostname, port },
    { secureTransport: encrypted ? "on" : "off", allowHalfOpen: true, highWaterMark: 1 },
  );

/** Opens one without TLS, and does TLS afterwards. */
async function openByStartTls({ hostname, port }) {
  const socket = connectSocket(
    { hostname, port },
    { secureTransport: "starttls", allowHalfOpen: true, highWaterMark: 1 },
  );
  await socket.opened;
  return socket.startTls();
}

/** What is said to an echo, and what it has come to. */
async function talk(ws) {
  await ws.send("hello");
  const text = await ws.receive();
  const bytes = new Uint8Array(2 * 1024 ** 2).map((_, i) => i % 251);
  await ws.send(bytes);
  const back = await ws.receive();
  const isSame = back.length === bytes.length && back.every((byte, i) => byte === i % 251);
  const { encrypted, remoteAddress, remotePort, extensions } = ws;
  return {
    text,
    isSame,
    encrypted,
    remoteAddress,
    remotePort,
    extensions,
    ...(await ws.close(1000, "bye")),
  };
}

/** Connections that are left open by the request that has made them. */
const left = [];

const tasks = {
  talk: async ({ url, options }) => talk(await connect(url, options)),
  overStreams: async ({ url }) => talk(await connectStreams(url, { open: openSocket })),
  overStartTls: async ({ url }) => talk(await connectStreams(url, { open: openByStartTls })),
  /** The first message, which may be all there is. */
  first: async ({ url, options }) => {
    await using ws = await connect(url, options);
    return ws.receive();
  },
  /** How a connection ends that nobody ends here. */
  ending: async ({ url, options }) => {
    const ws = await connect(url, options);
    await ws.send("go");
    const { status, initiator, error } = await ws.closed;
    return { status, initiator, code: error?.code };
  },
  /** Whether a time-out comes, while a connection of another request has timers, too. */
  timeouts: async ({ url }) => {
    const ws = await connect(url, { pingInterval: 1000 });
    left.push(ws);
    return ws.receive({ timeout: 300 });
  },
  /** A message that is read, and sent on, before it is complete. */
  pieces: async ({ url }) => {
    await using ws = await connect(url);
    const incoming = await ws.receiveStream();
    const writer = ws.beginMessage({ binary: true });
    let pieces = 0;
    for await (const piece of incoming) {
      pieces++;
      await writer.write(piece);
    }
    await writer.close();
    return { pieces, said: await ws.receive() };
  },
  /** What `send` waits for where nobody reads. */
  held: async ({ url }) => {
    const ws = await connect(url);
    let sent = 0;
    const message = new Uint8Array(1024 ** 2);
    const sending = (async () => {
      for (; sent < 64; sent++) await ws.send(message);
    })();
    const isHeld = await Promise.race([
      sending.then(() => false),
      new Promise((resolve) => setTimeout(resolve, 500, true)),
    ]);
    const sentFirst = sent;
    await fetch(url.replace("ws:", "http:").replace(/\/$/, "/go"));
    await sending;
    return { isHeld, sentFirst, sent, ...(await ws.close(1000)) };
  },
  webSocketStream: async ({ url }) => {
    const stream = new WebSocketStream(url);
    const { readable, writable } = await stream.opened;
    await writable.getWriter().write("hello");
    const { value } = await readable.getReader().read();
    stream.close();
    return { value, ...(await stream.closed) };
  },
  dial: async ({ url }) => {
    const stream = await dial(url);
    await writeClientText(stream, "hello");
    const text = await readServerText(stream);
    await stream.close();
    return { text, OpText };
  },
  connectStream: async ({ port }) => {
    const stream = await connectStream({ hostname: "127.0.0.1", port });
    await stream.write(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"));
    const into = new Uint8Array(12);
    const size = await stream.read(into);
    await stream.close();
    return new TextDecoder().decode(into.subarray(0, size));
  },
  aborted: async ({ url }) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("enough")), 50);
    return connect(url, { signal: controller.signal });
  },
};

function describeError(error) {
  const { name, code, message, status, body, cause } = error;
  const text = body && new TextDecoder().decode(body);
  return { name, code, message, status, body: text, cause: cause && String(cause.message) };
}

export default {
  async fetch(request) {
    const { task, ...options } = await request.json();
    try {
      return Response.json({ result: await tasks[task](options) });
    } catch (error) {
      return Response.json({ error: describeError(error) });
    }
  },
};
