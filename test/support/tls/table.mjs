/**
 * What TLS has to refuse and to let through, as one table: certificates, names, SNI, client certificates, on every way to a
 * server. It runs in a test, and by `program.mjs` on runtimes that have no vitest.
 *
 * A row says what is served, what is asked for, and what must come of it. `play` plays it over real sockets, with the
 * adapter that it is given, on both sides; a relay in front of the server looks at the ClientHello.
 */

import { connect as connectTcp, createServer, isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import * as certificates from "./certificates.mjs";

const { key, root, stranger } = certificates;
const trusting = { ca: root };

/** Bytes that one side sends when the other has ended. */
const answerSize = 4 * 1024 ** 2;

/** The runtime that plays. */
const runtime = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";

/** What a server shows, what a client asks for, and what must come of it. */
const names = [
  { name: "the right certificate, by name", ask: "localhost", outcome: "open", sni: "localhost" },
  {
    name: "a list of authorities",
    ask: "localhost",
    tls: { ca: [stranger, root] },
    outcome: "open",
  },
  { name: "another of the certificate's names", ask: "framewire.test", outcome: "open" },
  { name: "an address", ask: "127.0.0.1", outcome: "open", sni: "" },
  { name: "an IPv6 address", ask: "::1", outcome: "open", sni: "" },
  { name: "a name with the root's dot", ask: "localhost.", outcome: "open", sni: "localhost" },
  { name: "no authority", ask: "localhost", tls: { ca: undefined }, outcome: "TLS_FAILED" },
  { name: "another authority", ask: "localhost", tls: { ca: stranger }, outcome: "TLS_FAILED" },
  { name: "an unknown authority", show: "untrusted", ask: "localhost", outcome: "TLS_FAILED" },
  {
    name: "an unknown authority, of an address",
    show: "untrusted",
    ask: "127.0.0.1",
    outcome: "TLS_FAILED",
  },
  { name: "another name", show: "other", ask: "localhost", outcome: "TLS_FAILED" },
  {
    name: "a name that is not the certificate's",
    ask: "other.test",
    outcome: "TLS_FAILED",
    sni: "other.test",
  },
  {
    name: "a name, asked for by address",
    show: "other",
    ask: "127.0.0.1",
    outcome: "TLS_FAILED",
    sni: "",
  },
  { name: "another address", show: "otherAddress", ask: "127.0.0.1", outcome: "TLS_FAILED" },
  {
    name: "a name, asked for by IPv6 address",
    show: "other",
    ask: "::1",
    outcome: "TLS_FAILED",
    sni: "",
  },
  {
    name: "an IPv4 address, asked for by IPv6 address",
    show: "otherAddress",
    ask: "::1",
    outcome: "TLS_FAILED",
  },
  { name: "another IPv6 address", ask: "2001:db8::1", outcome: "TLS_FAILED", sni: "" },
  {
    name: "an unknown authority, of an IPv6 address",
    show: "untrusted",
    ask: "::1",
    outcome: "TLS_FAILED",
  },
  {
    name: "an address that is no address",
    show: "addressAsName",
    ask: "127.0.0.1",
    outcome: "TLS_FAILED",
  },
  {
    name: "a wildcard",
    show: "wildcard",
    ask: "chat.framewire.test",
    outcome: "open",
    sni: "chat.framewire.test",
  },
  {
    name: "a wildcard, for its own domain",
    show: "wildcard",
    ask: "framewire.test",
    outcome: "TLS_FAILED",
  },
  {
    name: "a wildcard, two labels deep",
    show: "wildcard",
    ask: "a.b.framewire.test",
    outcome: "TLS_FAILED",
  },
  { name: "an expired certificate", show: "expired", ask: "localhost", outcome: "TLS_FAILED" },
  {
    name: "an expired certificate, of an address",
    show: "expired",
    ask: "127.0.0.1",
    outcome: "TLS_FAILED",
  },
  {
    name: "a certificate that is not valid yet",
    show: "notYet",
    ask: "localhost",
    outcome: "TLS_FAILED",
  },
  {
    name: "an unknown authority, where trust is asked for in words",
    show: "untrusted",
    ask: "localhost",
    tls: { rejectUnauthorized: true },
    outcome: "TLS_FAILED",
  },
  {
    name: "another name, where trust is asked for in words",
    show: "other",
    ask: "localhost",
    tls: { rejectUnauthorized: true },
    outcome: "TLS_FAILED",
  },
];

/** Ways on which the host is also who the certificate is for. */
const byHost = (row) => ["localhost", "127.0.0.1", "::1"].includes(row.ask);
const everyRow = () => true;

/** How a client comes to a server, and which rows can be asked for on that way. */
const ways = [
  { way: "connect()", goes: viaConnect, can: everyRow },
  { way: "connect() by the URL's host", goes: viaUrl, can: byHost },
  { way: "dial()", goes: viaDial, can: everyRow },
  { way: "connectStream()", goes: viaStream, can: everyRow },
  { way: "StartTLS", goes: viaStartTls, can: everyRow },
  { way: "WebSocketStream", goes: viaWebSocketStream, can: everyRow },
  { way: "an HTTP proxy", goes: viaProxy("http"), can: everyRow },
  { way: "an HTTPS proxy", goes: viaProxy("https"), can: everyRow },
  { way: "a SOCKS5 proxy", goes: viaProxy("socks5"), can: everyRow },
  { way: "a redirect", goes: viaRedirect, can: byHost },
];

/** Rows that one way is enough for. */
const single = [
  {
    name: "no trust is asked for: it is told that there is none",
    show: "untrusted",
    ask: "localhost",
    tls: { rejectUnauthorized: false },
    // Deno has no such option.
    outcome: runtime === "deno" ? "TLS_FAILED" : "open, not authorized",
  },
  {
    name: "no trust is asked for: another name is not authorized",
    show: "other",
    ask: "localhost",
    tls: { rejectUnauthorized: false },
    outcome: runtime === "deno" ? "TLS_FAILED" : "open, not authorized",
  },
  {
    name: "a common name alone",
    show: "nameless",
    ask: "localhost",
    // Node and Bun still take it for a name; RFC 9525, 2 does not.
    outcome: runtime === "deno" ? "TLS_FAILED" : "open",
  },
].map((row) => ({ ...row, way: "connect()", goes: viaConnect }));

/** What a server asks of its clients, what they show, and what must come of it. */
const clientRows = [
  ["required", "client", "open", "authorized"],
  ["required", undefined, "refused", "nobody"],
  ["required", "strangeClient", "refused", "nobody"],
  ["required", "expiredClient", "refused", "nobody"],
  ["wanted", "client", "open", "authorized"],
  ["wanted", undefined, "open", "not authorized"],
  ["wanted", "strangeClient", "open", "not authorized"],
  ["wanted", "expiredClient", "open", "not authorized"],
  ["not asked for", "client", "open", "not authorized"],
].map(([asked, show, outcome, seen]) => ({
  way: "client certificates",
  name: `${asked}, ${show ?? "none"} shown`,
  needs: "requestCert",
  asked,
  show,
  expected: { outcome, seen },
  run: runClientRow,
}));

/** Who ends TLS first, and who is heard out all the same: more than buffers hold, so that it takes a while. */
const halfOpenRows = ["server", "client"].flatMap((side) =>
  ["peer", side].map((first) => ({
    way: `half-open TLS of a ${side}`,
    name: first === "peer" ? "its peer ends, and hears it out" : "it ends, and hears its peer out",
    side,
    first,
    expected: { outcome: "heard out", asked: "question", heard: answerSize },
    run: runHalfOpenRow,
  })),
);

/** All rows, with the way that each goes. */
export const rows = [
  ...ways.flatMap(({ way, goes, can }) => names.filter(can).map((row) => ({ ...row, way, goes }))),
  ...single,
]
  .map((row) => ({ ...row, expected: expectedOf(row), run: runRow }))
  .concat(
    clientRows,
    {
      way: "a client that sends at once",
      name: "is answered",
      expected: { outcome: "open" },
      run: runEarlyRow,
    },
    halfOpenRows,
    {
      way: "half-open TLS of a server",
      name: "a close frame with the end behind it is answered",
      expected: { outcome: "answered" },
      run: runClosingRow,
    },
  );

function expectedOf({ outcome, sni }) {
  const seen = { outcome, requests: outcome.startsWith("open") ? 1 : 0 };
  return sni === undefined ? seen : { ...seen, sni };
}

/** Tells what a row needs and is not to be had here; undefined where it can be played. */
export function lacking({ needs, ask, goes }) {
  // Deno cannot ask clients for certificates: test/runtime/listen.test.ts.
  if (needs === "requestCert" && runtime === "deno") return needs;
  const isByHost = ways.some((one) => one.goes === goes && one.can === byHost);
  return ask === "::1" && isByHost && !hasIpv6 ? "IPv6" : undefined;
}

/** Whether this machine has the address ::1. */
const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some(({ address }) => address === "::1");

/** Plays a row, and gives what came of it, in the shape of its `expected`; undefined where something is lacking. */
export async function play(adapter, row) {
  if (lacking(row) !== undefined) return undefined;
  const closers = [];
  try {
    return await row.run(adapter, row, closers);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function runRow(adapter, row, closers) {
  const { show = "right", tls, goes, expected } = row;
  let requests = 0;
  const server = await startServer(adapter, { cert: certificates[show], key }, closers, () => {
    requests++;
  });
  const relay = await startRelay(server.port, closers);
  const ask = { port: relay.port, name: row.ask, tls: { ...trusting, ...tls } };
  const outcome = await outcomeOf(() => goes(adapter, ask, closers));
  const seen = { outcome, requests };
  return expected.sni === undefined ? seen : { ...seen, sni: relay.sni };
}

async function runClientRow(adapter, { asked, show }, closers) {
  let seen = "nobody";
  const tls =
    asked === "not asked for"
      ? {}
      : { ca: root, requestCert: true, rejectUnauthorized: asked === "required" };
  const server = await startServer(
    adapter,
    { cert: certificates.right, key, ...tls },
    closers,
    (request) => {
      seen = request.tls?.authorized === true ? "authorized" : "not authorized";
    },
  );
  const own = show === undefined ? {} : { cert: certificates[show], key };
  const outcome = await outcomeOf(() =>
    viaConnect(
      adapter,
      { port: server.port, name: "127.0.0.1", tls: { ...trusting, ...own } },
      closers,
    ),
  );
  // With TLS 1.3 a client is done before the server has looked at its certificate.
  const failed = ["TLS_FAILED", "RESET", "UNEXPECTED_END", "FAILED"].includes(outcome);
  return { outcome: failed ? "refused" : outcome, seen };
}

/** The request leaves in one flight with the end of the client's handshake. */
async function runEarlyRow(adapter, _, closers) {
  const server = await startServer(adapter, { cert: certificates.right, key }, closers, () => {});
  const socket = connectTls({
    port: server.port,
    host: "127.0.0.1",
    servername: "localhost",
    ca: root,
  });
  closers.push(() => socket.destroy());
  socket.write(upgradeRequest);
  const answer = await new Promise((resolve, reject) => {
    socket.on("data", (bytes) => {
      resolve(String(bytes));
    });
    socket.on("error", reject);
    socket.on("close", () => {
      resolve("nothing");
    });
  });
  return { outcome: answer.startsWith("HTTP/1.1 101 ") ? "open" : answer };
}

async function runHalfOpenRow(adapter, { side, first }, closers) {
  const connected = side === "server" ? acceptStream : openStream;
  const [stream, peer] = await connected(adapter, closers);
  const question = new TextEncoder().encode("question");
  const answer = new Uint8Array(answerSize);
  let asked, heard;
  if (first === "peer") {
    const all = allOf(peer);
    peer.end(question);
    asked = await allRead(stream);
    await stream.write(answer);
    stream.closeWrite();
    heard = await all;
  } else {
    const all = allOf(peer);
    await stream.write(question);
    stream.closeWrite();
    asked = await all;
    peer.end(answer);
    heard = await allRead(stream);
  }
  return { outcome: "heard out", asked: String(asked), heard: heard.length };
}

/** Gives a stream that was accepted, and its peer. */
async function acceptStream(adapter, closers) {
  const tls = { cert: certificates.right, key };
  const listener = await adapter.listen({ port: 0, hostname: "127.0.0.1", tls });
  closers.push(() => listener.close());
  const peer = dialTls(listener.port, closers);
  const stream = await listener.accept();
  closers.push(() => stream.destroy());
  return [stream, peer];
}

/** Gives a stream that was connected, and its peer. */
async function openStream(adapter, closers) {
  let found;
  const accepted = new Promise((resolve) => (found = resolve));
  const keys = { cert: certificates.right, key };
  const server = await listen(createTlsServer({ ...keys, allowHalfOpen: true }, found), closers);
  const options = { hostname: "127.0.0.1", port: server.port, tls: trusting };
  const stream = await adapter.connectStream(options);
  closers.push(() => stream.destroy());
  const peer = await accepted;
  peer.on("error", () => {});
  return [stream, peer];
}

/** A client of the runtime's own. */
function dialTls(port, closers) {
  const options = { port, host: "127.0.0.1", servername: "localhost", ca: root };
  const socket = connectTls({ ...options, allowHalfOpen: true });
  socket.on("error", () => {});
  closers.push(() => socket.destroy());
  return socket;
}

/** Gives what comes until a socket's peer has ended, or it is closed. */
function allOf(socket) {
  const chunks = [];
  socket.on("data", (bytes) => chunks.push(bytes));
  return new Promise((resolve) => {
    for (const event of ["end", "close"]) socket.on(event, () => resolve(Buffer.concat(chunks)));
  });
}

/** Reads a stream to its end. */
async function allRead(stream) {
  const chunks = [];
  const into = new Uint8Array(65536);
  let count;
  while ((count = await stream.read(into)) > 0) chunks.push(into.slice(0, count));
  return Buffer.concat(chunks);
}

/** A close frame with status 4000, and in the same turn the end of TLS. */
async function runClosingRow(adapter, _, closers) {
  const server = await startServer(adapter, { cert: certificates.right, key }, closers, () => {});
  const socket = dialTls(server.port, closers);
  const all = allOf(socket);
  socket.write(upgradeRequest);
  socket.end(Uint8Array.of(0x88, 0x82, 0, 0, 0, 0, 0x0f, 0xa0));
  const answer = (await all).toString("latin1");
  const isAnswered = answer.startsWith("HTTP/1.1 101 ") && answer.endsWith("\x88\x02\x0f\xa0");
  return { outcome: isAnswered ? "answered" : answer };
}

/** Gives "open" or "open, not authorized"; of a failure its code. */
async function outcomeOf(go) {
  try {
    return (await go()) === false ? "open, not authorized" : "open";
  } catch (error) {
    return error.code ?? String(error);
  }
}

async function viaConnect(adapter, { port, name, tls }, closers) {
  return talk(adapter, `wss://127.0.0.1:${port}`, { tls: { ...tls, ...named(name) } }, closers);
}

async function viaUrl(adapter, { port, name, tls }, closers) {
  return talk(adapter, `wss://${hostOf(name)}:${port}`, { tls }, closers);
}

/** Connects, and says a word that has to come back; gives whether the peer is trusted. */
async function talk(adapter, url, options, closers) {
  const ws = await adapter.connect(url, { timeout: 5000, ...options });
  closers.push(() => ws.terminate());
  const { authorized } = ws.tls;
  await ws.send("hello");
  const echo = await ws.receive();
  if (echo !== "hello") throw new Error(`The echo is ${echo}`);
  return authorized;
}

/** What a stream fails with is an error of its own, with the reason as its cause. */
async function viaWebSocketStream(adapter, { port, name, tls }, closers) {
  const options = { timeout: 5000, tls: { ...tls, ...named(name) } };
  const stream = new adapter.WebSocketStream(`wss://127.0.0.1:${port}`, options);
  const { readable, writable } = await stream.opened.catch(({ cause }) => {
    throw cause;
  });
  closers.push(() => stream.close());
  await writable.getWriter().write("hello");
  const { value } = await readable.getReader().read();
  if (value !== "hello") throw new Error(`The echo is ${value}`);
}

async function viaDial(adapter, { port, name, tls }, closers) {
  const tlsOptions = { ...tls, ...named(name) };
  const stream = await adapter.dial(`wss://127.0.0.1:${port}`, { timeout: 5000, tlsOptions });
  closers.push(() => stream.close());
}

async function viaStream(adapter, { port, name, tls }, closers) {
  await ask(
    await adapter.connectStream({ hostname: "127.0.0.1", port, tls: { ...tls, ...named(name) } }),
    closers,
  );
}

/** In the clear at first: what is said there is a matter between the two sides. */
async function viaStartTls(adapter, { port, name, tls }, closers) {
  const door = await startDoor(closers, async (socket, line) => {
    if (line !== "STARTTLS") throw new Error(`Not ${line}`);
    join(socket, connectTcp(port, "127.0.0.1"), "go ahead\n");
  });
  const stream = await adapter.connectStream({
    hostname: "127.0.0.1",
    port: door.port,
    tls: { ...tls, ...named(name) },
    async tunnel(plain) {
      await plain.write(new TextEncoder().encode("STARTTLS\n"));
      const into = new Uint8Array(9);
      for (let at = 0; at < into.length;) {
        const count = await plain.read(into.subarray(at));
        if (count === 0) throw new Error("The door is closed");
        at += count;
      }
    },
  });
  await ask(stream, closers);
}

function viaProxy(scheme) {
  return async (adapter, { port, name, tls }, closers) => {
    const proxy = await (scheme === "socks5"
      ? startSocks(port, closers)
      : startProxy(scheme === "https", port, closers));
    const options = {
      proxy: `${scheme}://127.0.0.1:${proxy.port}`,
      proxyTls: trusting,
      tls: { ...tls, ...named(name) },
    };
    await talk(adapter, `wss://127.0.0.1:${port}`, options, closers);
  };
}

async function viaRedirect(adapter, { port, name, tls }, closers) {
  const from = await startDoor(closers, async (socket) => {
    socket.end(
      `HTTP/1.1 302 Found\r\nLocation: wss://${hostOf(name)}:${port}/\r\nContent-Length: 0\r\n\r\n`,
    );
  });
  await talk(adapter, `ws://127.0.0.1:${from.port}`, { redirects: 1, tls }, closers);
}

/** An address is what is connected to; everything else has to be said. */
function named(name) {
  return name === "127.0.0.1" ? {} : { serverName: name };
}

/** A name or an address as URLs have it. */
function hostOf(name) {
  return isIPv6(name) ? `[${name}]` : name;
}

const upgradeRequest =
  "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/** Asks for a WebSocket on a stream, and waits for the first bytes of the answer. */
async function ask(stream, closers) {
  closers.push(() => stream.close());
  await stream.write(new TextEncoder().encode(upgradeRequest));
  const into = new Uint8Array(1024);
  const count = await stream.read(into);
  const answer = new TextDecoder().decode(into.subarray(0, count));
  if (!answer.startsWith("HTTP/1.1 101 ")) throw new Error(`The answer is ${answer}`);
}

async function startServer(adapter, tls, closers, opened) {
  const server = await adapter.serve(
    { port: 0, hostname: "127.0.0.1", tls },
    { open: opened, message: (ws, data) => ws.send(data) },
  );
  closers.push(() => server.shutdown({ deadline: 0 }));
  return server;
}

async function listen(server, closers) {
  const sockets = new Set();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  // Without a host: a TLS server of Deno's before 2.8 knows these arguments alone.
  await new Promise((resolve) => server.listen(0, resolve));
  closers.push(() => {
    // Not awaited: a server of Deno's before 2.8 does not tell that it is closed.
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: server.address().port, sni: undefined };
}

/** Lets two sockets speak to each other; `answer` goes first. */
function join(socket, onward, answer) {
  onward.on("error", () => socket.destroy());
  socket.on("error", () => onward.destroy());
  if (answer !== undefined) socket.write(answer);
  onward.on("data", (bytes) => socket.write(bytes));
  socket.on("data", (bytes) => onward.write(bytes));
  onward.on("end", () => socket.end());
  socket.on("end", () => onward.end());
  onward.on("close", () => socket.destroy());
  socket.on("close", () => onward.destroy());
}

/** Passes connections on, and looks at the name in each ClientHello. */
async function startRelay(port, closers) {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const onward = connectTcp({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.once("data", (hello) => {
      relay.sni = serverNameOf(hello);
    });
    join(socket, onward);
  });
  const relay = await listen(server, closers);
  return relay;
}

/** Answers whoever says a line, or with a request's head, as `answer` does. */
async function startDoor(closers, answer) {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    hear(socket, answer);
  });
  return listen(server, closers);
}

function hear(socket, answer) {
  let heard = "";
  const onData = (bytes) => {
    heard += String(bytes);
    const isLine = /^[A-Z]+\n/.test(heard);
    if (!isLine && !heard.includes("\r\n\r\n")) return;
    socket.off("data", onData);
    answer(socket, heard.split(/\r?\n/)[0]).catch(() => socket.destroy());
  };
  socket.on("error", () => {});
  socket.on("data", onData);
}

/** An HTTP proxy: every way leads to `port`. */
async function startProxy(isSecure, port, closers) {
  const serve = (socket) => {
    hear(socket, async () => {
      const onward = connectTcp({ port, host: "127.0.0.1", allowHalfOpen: true });
      join(socket, onward, "HTTP/1.1 200 OK\r\n\r\n");
    });
  };
  const server = isSecure
    ? createTlsServer({ cert: certificates.right, key, allowHalfOpen: true }, serve)
    : createServer({ allowHalfOpen: true }, serve);
  server.on("tlsClientError", (_, socket) => socket.destroy());
  return listen(server, closers);
}

/** A SOCKS5 proxy (RFC 1928): every way leads to `port`. What a client says at once comes at once, being short. */
async function startSocks(port, closers) {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.once("data", () => {
        const onward = connectTcp({ port, host: "127.0.0.1", allowHalfOpen: true });
        join(socket, onward, Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
      });
      socket.write(Uint8Array.of(5, 0));
    });
  });
  return listen(server, closers);
}

/** The name of a ClientHello in one record; "" for none (RFC 8446, 4.1.2; RFC 6066, 3). */
function serverNameOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // Record, message, version, random; then session, cipher suites, compression methods.
  let at = 5 + 4 + 2 + 32;
  at += 1 + view.getUint8(at);
  at += 2 + view.getUint16(at);
  at += 1 + view.getUint8(at);
  const end = at + 2 + view.getUint16(at);
  at += 2;
  while (at < end) {
    const length = view.getUint16(at + 2);
    if (view.getUint16(at) === 0) {
      return new TextDecoder().decode(bytes.subarray(at + 9, at + 4 + length));
    }
    at += 4 + length;
  }
  return "";
}
