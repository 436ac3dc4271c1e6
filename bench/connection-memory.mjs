/**
 * `node bench/connection-memory.mjs`: what one connection costs a server in resident memory, idle, busy and hostile, on each
 * runtime, as a Markdown table.
 *
 * Each figure comes from a server process of its own: its resident memory with so many connections in one state, less
 * what it was before, shared out. Peers are bare sockets of this process.
 */

import { spawn } from "node:child_process";
import { connect } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ensureBuilt, root, runtimeCommand } from "../scripts/built.mjs";

const commands = {
  node: () => [process.execPath, "--expose-gc"],
  deno: () => [...runtimeCommand("deno"), "--v8-flags=--expose-gc"],
  bun: () => runtimeCommand("bun"),
};

const KiB = 1024;
const MiB = 1024 * KiB;

const request = [
  "GET / HTTP/1.1",
  "Host: localhost",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "",
  "",
].join("\r\n");

/** A masked binary frame's header, with a key of zeros: the payload lies on the wire as it is. */
function header(length) {
  const bytes = new Uint8Array(14);
  bytes.set([0x82, 0xff]);
  new DataView(bytes.buffer).setBigUint64(2, BigInt(length));
  return bytes;
}

function frame(length) {
  return Buffer.concat([header(length), new Uint8Array(length)]);
}

const endlessHead = `GET / HTTP/1.1\r\nX: ${"a".repeat(16 * KiB - 100)}`;

/** What peers do: how many there are, what the server's handler does, and what each peer sends. */
const states = {
  "open, nothing sent": { count: 2000, sends: [request] },
  "idle behind 20 echoes of 4 KiB": {
    count: 1000,
    sends: [request, ...Array(20).fill(frame(4 * KiB))],
  },
  "a head of 16 KiB that does not end": { count: 1000, sends: [endlessHead] },
  "16 MiB declared, one byte sent": { count: 2000, sends: [request, header(16 * MiB), "a"] },
  "16 MiB declared, 1 MiB sent": {
    count: 50,
    sends: [request, header(16 * MiB), new Uint8Array(MiB)],
  },
  "8 MiB sent to a handler that never is done": {
    count: 50,
    mode: "stuck",
    sends: [request, ...Array(128).fill(frame(64 * KiB))],
  },
  "pings without end, pongs not read": {
    count: 50,
    isDeaf: true,
    sends: [request, ...Array(64).fill(Buffer.concat(Array(256).fill(ping(125))))],
  },
};

function ping(length) {
  return Buffer.concat([Uint8Array.of(0x89, 0x80 | length, 0, 0, 0, 0), new Uint8Array(length)]);
}

/** The server: it tells its port, and its resident memory for each line that it gets. */
async function serveHere(mode) {
  const { serve } = await import("framewire/auto");
  const message = mode === "stuck" ? () => new Promise(() => {}) : (ws, data) => ws.send(data);
  const server = await serve({ port: 0, hostname: "127.0.0.1", handshakeTimeout: 0 }, { message });
  console.log(server.port);
  createInterface({ input: process.stdin }).on("line", async () => {
    for (let i = 0; i < 3; i++) {
      globalThis.gc?.();
      globalThis.Bun?.gc(true);
      await pause(100);
    }
    console.log(process.memoryUsage().rss);
  });
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Connects, sends, and resolves when all has left or a second has gone by without that. */
async function enter(port, { sends, isDeaf = false }) {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {});
  if (isDeaf) socket.pause();
  else socket.resume();
  await new Promise((resolve) => socket.once("connect", resolve));
  let left = sends.length;
  await Promise.race([
    pause(1000),
    new Promise((resolve) => {
      for (const bytes of sends) socket.write(bytes, () => --left === 0 && resolve());
    }),
  ]);
  return socket;
}

/** Bytes of resident memory for each connection in a state. */
async function measure(runtime, state) {
  const [program, ...args] = [...commands[runtime](), fileURLToPath(import.meta.url), "serve"];
  const child = spawn(program, [...args, state.mode ?? ""], {
    cwd: root,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => Number((await lines.next()).value);
  const rss = () => {
    child.stdin.write("rss\n");
    return next();
  };
  const port = await next();
  const sockets = [];
  const enterAll = async (count) => {
    for (let i = 0; i < count; i += 50) {
      const some = Array.from({ length: Math.min(50, count - i) }, () => enter(port, state));
      sockets.push(...(await Promise.all(some)));
    }
  };
  // What the first ones take is the code's and the heap's own.
  const first = Math.max(20, state.count / 10);
  await enterAll(first);
  const before = await rss();
  await enterAll(state.count);
  const after = await rss();
  for (const socket of sockets) socket.destroy();
  child.kill();
  return (after - before) / state.count;
}

if (process.argv[2] === "serve") {
  await serveHere(process.argv[3]);
} else {
  ensureBuilt();
  const runtimes = Object.keys(commands);
  console.log("| a connection | Node | Deno | Bun |\n| --- | --- | --- | --- |");
  for (const [name, state] of Object.entries(states)) {
    const cells = [];
    for (const runtime of runtimes) {
      const bytes = await measure(runtime, state);
      cells.push(`${(bytes / KiB).toFixed(bytes < 100 * KiB ? 1 : 0)} KiB`);
    }
    console.log(`| ${name} | ${cells.join(" | ")} |`);
  }
  process.exit();
}
