/**
 * The least that a server of plain requests can cost beside its own sockets: it reads a head with the cheapest parse that still
 * finds its parts, makes a `Request`, asks the handler, and sends what its `Response` says as one write. It checks nothing, has no
 * deadlines, and expects one request in a chunk: not a server to use. The argument leaves out a part: "tcp" answers whatever comes
 * with fixed bytes; "no-request" makes no `Request`; "relay" passes all bytes on to the runtime's own server on a Unix socket, and
 * back.
 */

import { Buffer } from "node:buffer";
import process from "node:process";
import { ready } from "./ready.mjs";

const { Request } = globalThis;
const hostname = "127.0.0.1";
const [kind] = process.argv.slice(2);
const fetch = () => new Response("Hello world\n");
const common = `HTTP/1.1 200 OK\r\nDate: ${new Date().toUTCString()}\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n`;
const fixed = Buffer.from(
  `${common}Content-Length: 12\r\nContent-Type: text/plain;charset=UTF-8\r\n\r\nHello world\n`,
);

function requestOf(text) {
  const targetStart = text.indexOf(" ") + 1;
  const targetEnd = text.indexOf(" ", targetStart);
  const headers = [];
  let host = "";
  let at = text.indexOf("\r\n", targetEnd) + 2;
  for (let end = text.indexOf("\r\n", at); end > at; end = text.indexOf("\r\n", at)) {
    const colon = text.indexOf(":", at);
    headers.push([text.slice(at, colon), text.slice(colon + 2, end)]);
    if (colon - at === 4) host = headers.at(-1)[1];
    at = end + 2;
  }
  if (kind === "no-request") return undefined;
  const url = `http://${host}${text.slice(targetStart, targetEnd)}`;
  const request = new Request(url, { method: text.slice(0, targetStart - 1) });
  for (const [name, value] of headers) request.headers.append(name, value);
  return request;
}

function written(response, text) {
  let head = `${common}Content-Length: ${text.length}\r\n`;
  response.headers.forEach((value, name) => (head += `${name}: ${value}\r\n`));
  return Buffer.from(`${head}\r\n${text}`, "latin1");
}

/** Gives the answer to a request, or a promise. Bun tells the text of a response at once. */
function answer(chunk, size) {
  if (kind === "tcp") return fixed;
  const response = fetch(requestOf(chunk.latin1Slice(0, size)));
  const text = response.text();
  const now = globalThis.Bun?.peek(text);
  if (typeof now === "string") return written(response, now);
  return text.then((later) => written(response, later));
}

/** A connection whose chunks are passed on to the server behind, and back. */
function relayOnBun(path, socket) {
  const early = [];
  const back = { binaryType: "buffer", data: (_, chunk) => void socket.write(chunk) };
  socket.data = { write: (chunk) => void early.push(Buffer.from(chunk)) };
  void Bun.connect({ unix: path, socket: back }).then((behind) => {
    for (const chunk of early) behind.write(chunk);
    socket.data = behind;
  });
}

function onBun() {
  const path = `/tmp/framewire-floor-${process.pid}.sock`;
  if (kind === "relay") Bun.serve({ unix: path, fetch });
  const socket = {
    binaryType: "buffer",
    open(client) {
      client.setNoDelay(true);
      if (kind === "relay") relayOnBun(path, client);
    },
    data(client, chunk) {
      if (kind === "relay") client.data.write(chunk);
      else client.write(answer(chunk, chunk.length));
    },
  };
  return Bun.listen({ port: 0, hostname, socket }).port;
}

async function pump(from, answered) {
  const buffer = Buffer.alloc(1024);
  for (let size = await from.read(buffer); size !== null; size = await from.read(buffer)) {
    await answered(buffer, size);
  }
}

async function onDeno() {
  const path = `/tmp/framewire-floor-${process.pid}.sock`;
  if (kind === "relay") Deno.serve({ path, onListen() {} }, fetch);
  const listener = Deno.listen({ port: 0, hostname });
  const serve = async (client) => {
    client.setNoDelay(true);
    if (kind !== "relay") {
      return pump(client, async (chunk, size) => client.write(await answer(chunk, size)));
    }
    const behind = await Deno.connect({ transport: "unix", path });
    const to = (target) => (chunk, size) => target.write(chunk.subarray(0, size));
    return Promise.all([pump(client, to(behind)), pump(behind, to(client))]);
  };
  void (async () => {
    for (;;) serve(await listener.accept()).catch(() => {});
  })();
  return listener.addr.port;
}

ready(await (globalThis.Bun ? onBun() : onDeno()));
