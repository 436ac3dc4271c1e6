/**
 * `node bench/flate-memory.mjs`: resident memory of a connection's compressor and decompressor, by window bits and memory
 * level, on each runtime, as a Markdown table.
 *
 * Each figure comes from a process of its own, which makes some hundred contexts, takes a few messages through each, and
 * looks how far its resident memory has grown.
 */

import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { ensureBuilt, root, runtimeCommand } from "../scripts/built.mjs";
import { BoundedBuffer } from "framewire/extension";
import { zlibEngine } from "framewire/zlib";

const count = 400;
const settings = [
  [9, 1],
  [10, 3],
  [11, 4],
  [12, 5],
  [13, 6],
  [14, 7],
  [15, 8],
];

/** A message as applications send them, of 4 KiB. */
function message(index) {
  const items = [];
  for (let i = 0; JSON.stringify(items).length < 4096; i++) {
    items.push({ id: index * 131 + i, name: `item ${(i * 7919) % 1000}`, price: (i * 37) % 991 });
  }
  return new TextEncoder().encode(JSON.stringify(items).slice(0, 4096));
}

const messages = Array.from({ length: 12 }, (_, i) => message(i));

/** One for all, so that what is left behind is the contexts' alone. */
const into = new BoundedBuffer(Infinity, new Uint8Array(64 * 1024));

/** Compresses the messages; tells of each what it has become. */
function deflateAll(deflater, tell = () => {}) {
  for (const bytes of messages) {
    into.reset(Infinity);
    deflater.deflate(bytes, 0, bytes.length, true, into);
    tell();
  }
}

/** Bytes that a context takes: what the resident memory grows by, shared out. */
function measure(kind, windowBits, memLevel) {
  const engine = zlibEngine();
  const deflaterOptions = { windowBits, level: 1, memLevel };
  const payloads = [];
  deflateAll(engine.newDeflater(deflaterOptions), () =>
    payloads.push(into.bytes.slice(0, into.size)),
  );
  const kept = [];
  const use = () => {
    if (kind === "deflate") {
      const deflater = engine.newDeflater(deflaterOptions);
      deflateAll(deflater);
      return deflater;
    }
    const inflater = engine.newInflater({ windowBits });
    for (const payload of payloads) {
      into.reset(Infinity);
      inflater.inflate(payload, 0, payload.length, true, into);
    }
    return inflater;
  };
  // What the first ones take is the code's and the heap's own.
  for (let i = 0; i < 50; i++) kept.push(use());
  const before = process.memoryUsage().rss;
  for (let i = 0; i < count; i++) kept.push(use());
  const after = process.memoryUsage().rss;
  return (after - before) / (kept.length - 50);
}

const [kind, windowBits, memLevel] = process.argv.slice(2);
if (kind !== undefined) {
  console.log(measure(kind, Number(windowBits), Number(memLevel)));
} else {
  ensureBuilt();
  const file = fileURLToPath(import.meta.url);
  const run = (runtime, ...args) => {
    const [program, ...first] = runtimeCommand(runtime);
    const { stdout } = spawnSync(program, [...first, file, ...args.map(String)], { cwd: root });
    return `${(Number(String(stdout)) / 1024).toFixed(0)}`;
  };
  console.log("| window bits | memory level | Node | Deno | Bun |");
  console.log("| --- | --- | --- | --- | --- |");
  for (const [bits, level] of settings) {
    const cells = ["node", "deno", "bun"].map(
      (runtime) =>
        `${run(runtime, "deflate", bits, level)} + ${run(runtime, "inflate", bits, level)}`,
    );
    console.log(`| ${bits} | ${level} | ${cells.join(" | ")} |`);
  }
}
