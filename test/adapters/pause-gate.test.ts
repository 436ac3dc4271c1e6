import { expect, it } from "vitest";
import { PauseGate } from "../../adapters/pause-gate.ts";

it("holds back those who ask while it is shut, and releases all when it opens", async () => {
  const gate = new PauseGate();
  expect(gate.opening).toBeUndefined();
  gate.shut();
  const passed: string[] = [];
  const pass = async (name: string): Promise<void> => {
    while (gate.opening !== undefined) await gate.opening;
    passed.push(name);
  };
  const all = [pass("a"), pass("b")];
  // Shut twice, opened once.
  gate.shut();
  await Promise.resolve();
  expect(passed).toEqual([]);
  gate.open();
  await Promise.all(all);
  expect([passed, gate.opening]).toEqual([["a", "b"], undefined]);
});

it("keeps holding back those who wait if it is shut again at once", async () => {
  const gate = new PauseGate();
  gate.shut();
  let passed = false;
  const waiting = (async () => {
    while (gate.opening !== undefined) await gate.opening;
    passed = true;
  })();
  gate.open();
  gate.shut();
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(passed).toBe(false);
  gate.open();
  await waiting;
  expect(passed).toBe(true);
});
