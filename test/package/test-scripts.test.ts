import { execFile } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { root } from "../../scripts/built.mjs";
import { Progress, showSeconds } from "../../scripts/progress.mjs";
import { runLanes, showProgress, Step } from "../../scripts/steps.mjs";

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

  it("fails if there is no such path", async () => {
    const { code, lines } = await quick("test/nowhere");
    expect([code, lines.at(-1)]).toEqual([1, "0 passed, 0 failed, 0 skipped"]);
  });
});

describe("Progress", () => {
  it("estimates the time left by the last run, and by how fast the files are now", () => {
    const progress = new Progress(["a", "b", "c"], { a: 1000, b: 3000, c: 4000 }, 0);
    progress.end("b");
    // Twice as slow as the last time.
    expect(progress.left(6000)).toBe(10);
    expect(progress.show()).toBe("1 of 3 files");
    progress.end("a");
    progress.end("c");
    expect(progress.left(16_000)).toBe(0);
  });

  it("counts new files as average ones", () => {
    const progress = new Progress(["a", "b", "new"], { a: 1000, b: 3000 }, 0);
    progress.end("b");
    expect(progress.left(3000)).toBe(3);
  });

  it("shows no time if nothing is known", () => {
    const progress = new Progress(["a", "b"], {}, 0);
    progress.end("a");
    expect(progress.left(7000)).toBe(undefined);
  });
});

/** What is printed while steps run, without how many seconds they take. */
async function printedBy(lanes: Step[][]): Promise<string> {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  try {
    await runLanes(lanes);
    const lines = log.mock.calls.map(([line]) => String(line));
    return lines.join("\n").replaceAll(/[\d.]+ s$/gm, "1 s");
  } finally {
    log.mockRestore();
  }
}

describe("the steps of npm test", () => {
  /** A step that runs a piece of a program. */
  const step = (name: string, code: string, last?: number, needed?: Step): Step =>
    new Step(name, [process.execPath, "-e", code], process.env, last, needed);

  it("show their output as a whole, even if one fails, and say whether they succeeded", async () => {
    const good = step("good", "console.log('one'); console.log('two')");
    const bad = step("bad", "console.error('no'); process.exitCode = 3");
    const next = step("next", "");
    expect(await printedBy([[good], [bad, next]])).toContain(
      "\n=== good\none\ntwo\n=== good: ok in 1 s",
    );
    expect([good, bad, next].map(({ isOk }) => isOk)).toEqual([true, false, true]);
  });

  it("run at the same time in two lanes, and one after the other in one", async () => {
    const events: string[] = [];
    const noting = (name: string): Step => {
      const made = step(name, "");
      const run = made.run.bind(made);
      made.run = async () => {
        events.push(`${name} begins`);
        await run();
        events.push(`${name} ends`);
      };
      return made;
    };
    await printedBy([[noting("a")], [noting("b"), noting("c")]]);
    expect(events.slice(0, 2)).toEqual(["a begins", "b begins"]);
    expect(events.indexOf("c begins")).toBe(events.indexOf("b ends") + 1);
  });

  it("wait for a step of another lane if they need it, even if it fails", async () => {
    const needed = step("needed", "process.exitCode = 1");
    const needing = step("needing", "", undefined, needed);
    const printed = await printedBy([[needing], [step("first", ""), needed]]);
    const ends = printed.split("\n").filter((line) => line.endsWith(" in 1 s"));
    expect(ends).toEqual([
      "=== first: ok in 1 s",
      "=== needed: FAILED in 1 s",
      "=== needing: ok in 1 s",
    ]);
    expect(printed.indexOf("=== needing")).toBeGreaterThan(printed.indexOf("=== needed: FAILED"));
  });

  it("show at once which tests fail, and nothing else of the output", async () => {
    const told = [{ failed: "a.test.ts: adds up" }, { files: "1 of 2 files", left: 3 }];
    const lines = told.map((one) => `@progress ${JSON.stringify(one)}`);
    const suite = step("node", `for (const line of ${JSON.stringify(lines)}) console.log(line)`);
    expect(await printedBy([[suite]])).toBe(
      "--- node: failed: a.test.ts: adds up\n\n=== node\n=== node: ok in 1 s",
    );
  });

  it("take as long as the longest lane, by their last times", () => {
    const lanes = [[step("a", "", 100)], [step("b", "", 200), step("c", "", 40)]];
    expect(showProgress(lanes, 0)).toBe("0 of 3 done; about 4 min left");
    expect(showProgress([...lanes, [step("new", "")]], 0)).toBe("0 of 4 done");
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
