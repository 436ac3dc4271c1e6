/**
 * What an echoed message costs the heap, at each level of the library: bytes allocated on the way, and bytes that stay.
 */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { runtimeCommand } from "../scripts/built.mjs";

const program = fileURLToPath(new URL("heap-loops.mjs", import.meta.url));

// A young generation that is not collected while a loop is measured: what is allocated there can be read off.
const v8Flags = ["--expose-gc", "--max-semi-space-size=256", "--min-semi-space-size=256"];

/** How each runtime is started so that its heap can be read. */
const commands = {
  node: () => [process.execPath, ...v8Flags, program],
  deno: () => [runtimeCommand("deno")[0], "run", "-A", `--v8-flags=${v8Flags.join(",")}`, program],
  bun: () => [...runtimeCommand("bun"), program],
};

/** What each loop costs a message on a runtime. */
export function measure(runtime) {
  const [command, ...args] = commands[runtime]();
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`heap-loops.mjs on ${runtime} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}

function toTable(rows) {
  const lines = [
    "| runtime | loop | allocated, B a message | stays, B a message |",
    "| --- | --- | --- | --- |",
  ];
  for (const { runtime, loop, allocated, stays } of rows) {
    const cells = [runtime, loop, allocated?.toFixed(0) ?? "-", stays.toFixed(2)];
    lines.push(`| ${cells.join(" | ")} |`);
  }
  return lines.join("\n");
}

export const heap = {
  title: "Heap, bytes a message",
  explanation:
    "Echo of 16 bytes of masked binary over a stream in memory, 64 frames a chunk. Allocated: what the young generation " +
    "grows by, without a collection, over 20 000 messages (V8 tells; JavaScriptCore does not). Stays: what is left after " +
    "a collection, over 200 000 messages.",
  async run({ runtimes }) {
    const rows = runtimes.flatMap((runtime) => {
      console.error(`${runtime} ...`);
      return measure(runtime).map((row) => ({ runtime, ...row }));
    });
    return { rows, table: toTable(rows) };
  },
};
