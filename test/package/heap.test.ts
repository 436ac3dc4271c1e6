import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { measure } from "../../bench/heap.mjs";
import { root } from "../../scripts/built.mjs";

const executeFile = promisify(execFile);

/*
 * What an echoed message costs the heap at each level of the built package, as the benchmark counts it: in a program of its
 * own, since what measures coverage allocates, too.
 */

/** Bytes that are allocated for a message of 16 bytes at the most: half as much again as was measured on V8. */
const most: Readonly<Record<string, number>> = {
  "low level: decodeHeader, cipher, encodeHeader in one buffer": 50,
  "low level: readHeader, read, cipher, writeHeader, write": 400,
  "middle level: Reader and Writer": 1000,
  "high level: serve": 250,
};

describe("an echoed message", () => {
  it.each(["node", "deno", "bun"])(
    "takes little of the heap on %s, and keeps nothing",
    (runtime) => {
      const costs = measure(runtime);
      expect(costs.map(({ loop }) => loop)).toEqual(Object.keys(most));
      for (const { loop, allocated, stays } of costs) {
        if (runtime !== "bun") expect(allocated, loop).toBeLessThan(most[loop]!);
        expect(stays, loop).toBeLessThan(2);
      }
    },
    60_000,
  );
});

/** What samples of `npm run bench -- switched-idle` tell. */
interface Idle {
  readonly rows: readonly {
    readonly row: string;
    readonly peers: Readonly<Record<string, readonly { readonly inUse: number }[]>>;
  }[];
}

describe("an idle connection of framewire/ws", () => {
  it.each(["node", "deno"])(
    "takes at most 1.4 times the heap of one of ws on %s, before its first message and after it",
    async (runtime) => {
      const out = await mkdtemp(join(tmpdir(), "framewire-idle-"));
      onTestFinished(() => rm(out, { recursive: true }));
      const options = ["--runtime", runtime, "--rounds", "1", "--out", out];
      const args = ["bench/run.mjs", "switched-idle", "--quick", ...options];
      await executeFile(process.execPath, args, { cwd: root });
      const text = await readFile(join(out, "switched-idle.json"), "utf8");
      const { rows } = JSON.parse(text) as Idle;
      expect(rows).toHaveLength(2);
      for (const { row, peers } of rows) {
        const [ours, theirs] = [peers["framewire"]![0]!.inUse, peers["ws"]![0]!.inUse];
        expect(theirs, row).toBeGreaterThan(1000);
        expect(ours / theirs, row).toBeLessThan(1.4);
      }
    },
    60_000,
  );
});
