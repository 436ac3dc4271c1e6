import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { root } from "../../scripts/built.mjs";

const executeFile = promisify(execFile);

interface Sample {
  readonly value?: number;
  readonly failure?: string;
}

interface Results {
  readonly rows: readonly { readonly peers: Readonly<Record<string, readonly Sample[]>> }[];
}

/** Each benchmark's smallest form, on one runtime, and who has to be in it. */
const cases: [name: string, runtime: string, rows: string, peers: string[]][] = [
  ["echo", "node", "16 B, 64 x 16", ["ws", "ws + bufferutil", "uWebSockets.js", "TCP"]],
  ["text", "deno", "mixed", ["own", "TCP"]],
  ["loop", "bun", "", ["own", "TCP"]],
  ["low", "deno", "", ["own", "TCP"]],
  ["broadcast", "bun", "", ["own", "TCP"]],
  ["backplanes", "bun", "workers, 128 B", ["bare"]],
  ["handshake", "bun", "32", ["own", "TCP"]],
  ["fetch", "node", "32", ["node:http", "@hono/node-server", "http hook"]],
  ["fetch", "bun", "32", ["own", "http hook", "floor", "floor without Request", "TCP", "relay"]],
  ["idle", "bun", "used once", ["own", "TCP"]],
  ["busy", "node", "", ["ws", "ws + bufferutil", "uWebSockets.js"]],
  ["big", "bun", "", ["own", "TCP"]],
  ["compressed", "bun", "128 B, 64 x 1, takeover", ["own"]],
  ["switched", "deno", "16 B, 64 x 16", ["ws", "floor"]],
  ["switched-handshake", "node", "32", ["ws", "ws + bufferutil"]],
  ["switched-idle", "bun", "used once", ["Bun's ws"]],
  ["standard", "node", "", ["ws", "ws + bufferutil"]],
  ["micro", "node", "mask 16 B", ["byte by byte", "bufferutil"]],
];

describe("npm run bench", () => {
  it.each(cases)(
    "measures %s on %s, and no server fails",
    async (name, runtime, rows, others) => {
      const out = await mkdtemp(join(tmpdir(), "framewire-bench-"));
      onTestFinished(() => rm(out, { recursive: true }));
      const options = ["--runtime", runtime, "--rows", rows, "--rounds", "1", "--measure", "40"];
      const args = ["bench/run.mjs", name, "--quick", ...options, "--out", out];
      await executeFile(process.execPath, args, { cwd: root });
      const results = JSON.parse(await readFile(join(out, `${name}.json`), "utf8")) as Results;
      const { peers } = results.rows.at(-1)!;
      expect(Object.keys(peers)).toEqual(["framewire", ...others]);
      for (const [peer, samples] of Object.entries(peers)) {
        expect(samples, peer).toEqual([expect.objectContaining({ value: expect.any(Number) })]);
      }
      const picture = await readFile(join(out, "ratios.svg"), "utf8");
      // The parts of the codec are not in it, nor what goes between servers.
      expect(picture.includes("<title>")).toBe(!["micro", "backplanes"].includes(name));
    },
    120_000,
  );
});
