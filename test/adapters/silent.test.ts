import { expect, it } from "vitest";
import { silent } from "../../adapters/silent.ts";

it("takes every event of a transport, and does nothing", () => {
  const results = [
    silent.onData(new Uint8Array(1)),
    silent.onDrain(),
    silent.onEnd(),
    silent.onClose(new Error("reset")),
  ];
  expect(results).toEqual([undefined, undefined, undefined, undefined]);
});
