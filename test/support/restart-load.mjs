/**
 * Starts examples/cluster by a command, the arguments, with three processes, and opens connections without a pause while all of them are
 * replaced, twice. Prints as JSON how many handshakes there were, which of them failed and how, and how many processes have served.
 */

import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import WebSocket from "ws";

const rounds = Number(process.env.ROUNDS ?? 2);
/** Connections at a time. */
const atATime = 40;

const [program, ...args] = process.argv.slice(2);
const example = spawn(program, args, {
  env: { ...process.env, PORT: "0", PROCESSES: "3" },
  stdio: ["ignore", "pipe", "inherit"],
});
process.once("exit", () => example.kill("SIGTERM"));
process.once("SIGTERM", () => process.exit(1));
const ended = new Promise((resolve) => example.once("exit", resolve));
const lines = createInterface({ input: example.stdout });

/** Waits for a line that matches. */
function line(pattern) {
  return new Promise((resolve) => {
    const look = (text) => {
      const match = pattern.exec(text);
      if (match === null) return;
      lines.off("line", look);
      resolve(match);
    };
    lines.on("line", look);
  });
}

const failed = {};
const servers = new Set();
let handshakes = 0;
let isOver = false;

/** Opens a connection and ends it, again and again. */
async function open(port) {
  while (!isOver) {
    handshakes++;
    await new Promise((resolve) => {
      const ws = new WebSocket(`ws://127.0.0.1:${port}`);
      let isOpen = false;
      ws.on("open", () => (isOpen = true));
      ws.on("message", (text) => {
        servers.add(String(text));
        ws.terminate();
      });
      ws.on("error", ({ code, message }) => {
        const reason = code ?? message;
        if (!isOpen) failed[reason] = (failed[reason] ?? 0) + 1;
      });
      ws.on("close", resolve);
    });
  }
}

const [, port] = await line(/processes on ws:\S+:(\d+)/);
const load = Array.from({ length: atATime }, () => open(port));
for (let round = 0; round < rounds; round++) {
  const replaced = line(/^all are replaced$/);
  example.kill("SIGHUP");
  await replaced;
}
isOver = true;
await Promise.all(load);
example.kill("SIGTERM");
console.log(JSON.stringify({ handshakes, failed, processes: servers.size, code: await ended }));
