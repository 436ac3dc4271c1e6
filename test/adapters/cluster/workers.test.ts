import { describe, expect, it } from "vitest";
import { workerBackplane } from "../../../adapters/cluster/index.ts";
import { newMember } from "../../support/backplane-member.ts";

/** Between real workers: test/runtime/cluster.test.ts. */

describe("workerBackplane()", () => {
  it("refuses wrong options", () => {
    expect(() => workerBackplane({ name: 5 } as never)).toThrow(
      new TypeError("name must be a string: 5 is a number"),
    );
  });

  it("keeps groups of different names apart, and drops messages that are not its own", async () => {
    const name = `ours ${Math.random()}`;
    const [here, there, elsewhere] = [newMember(), newMember(), newMember()];
    const a = await workerBackplane({ name }).join(here);
    const b = await workerBackplane({ name }).join(there);
    const c = await workerBackplane({ name: `${name} not` }).join(elsewhere);
    const stranger = new BroadcastChannel(name);
    try {
      for (const membership of [a, b, c]) await membership.subscribe("tea");
      const other = { topic: "milk", envelope: Uint8Array.of(9) };
      for (const message of [null, 5, other]) stranger.postMessage(message);
      await a.publish("tea", Uint8Array.of(1, 2));
      await expect.poll(() => there.lines).toEqual(["tea: 1 2"]);
      expect([here.lines, elsewhere.lines]).toEqual([[], []]);
    } finally {
      stranger.close();
      const { signal } = new AbortController();
      await Promise.all([a, b, c].map((membership) => membership.leave(signal)));
    }
  });
});
