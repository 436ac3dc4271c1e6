import { describe, expect, it } from "vitest";
import { atEndOfTurn, queueTask } from "../../../adapters/websocket/tasks.ts";

/** An owner that writes down its tasks, and what each has awaited. */
function owner(name: string, lines: string[], done: () => void): { runTask(): void } {
  return {
    async runTask() {
      lines.push(name);
      for (let i = 0; i < 20; i++) await null;
      lines.push(`${name} done`);
      done();
    },
  };
}

describe("queueTask()", () => {
  it("runs tasks in their order, each after the microtasks of the one before", async () => {
    const lines: string[] = [];
    await new Promise<void>((resolve) => {
      queueTask(owner("a", lines, () => {}));
      queueTask(owner("b", lines, () => {}));
      queueTask(owner("c", lines, resolve));
      lines.push("queued");
    });
    expect(lines).toEqual(["queued", "a", "a done", "b", "b done", "c", "c done"]);
  });
});

describe("atEndOfTurn()", () => {
  it("calls each listener once, after the microtasks of the turn", async () => {
    const lines: string[] = [];
    await new Promise<void>((resolve) => {
      atEndOfTurn({ onTurn: () => lines.push("first") });
      atEndOfTurn({ onTurn: () => lines.push("second") });
      queueMicrotask(() => {
        lines.push("microtask");
        atEndOfTurn({
          onTurn() {
            lines.push("third");
            atEndOfTurn({ onTurn: resolve });
          },
        });
      });
    });
    expect(lines).toEqual(["microtask", "first", "second", "third"]);
  });
});
