import { execFile } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { root } from "../../scripts/built.mjs";
import { Progress, showSeconds } from "../../scripts/progress.mjs";

const executeFile = promisify(execFile);

/** Runs the tests of a path by `npm run test:quick`, and gives its exit code and its lines. */
async function quick(path: string): Promise<{ code: number; lines: string[] }> {
  const script = [join(root, "scripts/test-quick.mjs"), path];
  const lines = (stdout: string): string[] => stdout.trim().split("\n");
  try {
    const { stdout } = await executeFile(process.execPath, script, { cwd: root });
    return { code: 0, lines: lines(stdout) };
  } catch (error) {
    const { code, stdout } = error as { code: number; stdout: string };
    return { code, lines: lines(stdout) };
  }
}

describe("npm run test:quick", () => {
  it("runs a path on the three runtimes, with a line for each and their sum", async () => {
    const { code, lines } = await quick("test/fifo.test.ts");
    expect(code).toBe(0);
    const shown = lines.map((line) => line.replace(/, in [\d.]+ s$/, "")).sort();
    const [, count] = /^(\d+) passed/.exec(lines.at(-1)!)!;
    const each = Number(count) / 3;
    expect(shown).toEqual(
      [
        `${count} passed, 0 failed, 0 skipped`,
        ...["node", "deno", "bun"].map((name) => `${name}: ${each} passed, 0 failed, 0 skipped`),
      ].sort(),
    );
  });

  it("fails where there is no such path", async () => {
    const { code, lines } = await quick("test/nowhere");
    expect([code, lines.at(-1)]).toEqual([1, "0 passed, 0 failed, 0 skipped"]);
  });
});

describe("Progress", () => {
  it("tells what is left by what files took the last time, and how fast they are now", () => {
    const progress = new Progress(["a", "b", "c"], { a: 1000, b: 3000, c: 4000 }, 0);
    progress.end("b");
    // Twice as slow as the last time.
    expect(progress.left(6000)).toBe(10);
    expect(progress.show(6000)).toBe("1 of 3 files, about 10 s left");
    expect(progress.show(6000, 300)).toBe("1 of 3 files, about 5 min left");
    progress.end("a");
    progress.end("c");
    expect(progress.left(16_000)).toBe(0);
  });

  it("takes files that are new for usual ones", () => {
    const progress = new Progress(["a", "b", "new"], { a: 1000, b: 3000 }, 0);
    progress.end("b");
    expect(progress.left(3000)).toBe(3);
  });

  it("says nothing of time where nothing is known", () => {
    const progress = new Progress(["a", "b"], {}, 0);
    progress.end("a");
    expect(progress.show(7000)).toBe("1 of 2 files");
  });
});

describe("showSeconds()", () => {
  it.each([
    [0, "0 s"],
    [1, "10 s"],
    [61, "70 s"],
    [100, "2 min"],
    [301, "5 min"],
  ])("shows %d as %s", (seconds, expected) => {
    expect(showSeconds(seconds)).toBe(expected);
  });
});
