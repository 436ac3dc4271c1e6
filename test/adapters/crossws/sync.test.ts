import { describe, expect, it, vi } from "vitest";
import { Sync } from "../../../adapters/crossws/sync.ts";
import type { SyncMessage } from "../../../adapters/crossws/types.ts";

const message: SyncMessage = { namespace: "", topic: "t", data: "x" };

describe("Sync", () => {
  it("gives each driver an id of its own", () => {
    const ids: string[] = [];
    for (let i = 0; i < 2; i++) {
      new Sync(
        ({ id }) => {
          ids.push(id);
          return { subscribe() {}, publish() {} };
        },
        undefined,
        () => {},
      );
    }
    expect(new Set(ids).size).toBe(2);
  });

  it("reports a delivery that fails, and throws nothing at the driver", () => {
    const failed: string[] = [];
    let deliver: ((message: SyncMessage) => void) | undefined;
    const driver = {
      subscribe(given: (message: SyncMessage) => void) {
        deliver = given;
      },
      publish() {},
    };
    new Sync(
      () => driver,
      (error, { stage }) => failed.push(`${stage} ${(error as Error).message}`),
      () => {
        throw new Error("nobody");
      },
    );
    deliver!(message);
    expect(failed).toEqual(["delivery nobody"]);
  });

  it("writes an error to the console if nobody else is told of it", async () => {
    const printed = vi.spyOn(console, "error").mockImplementation(() => {});
    try {
      const error = new Error("away");
      const sync = new Sync(
        () => ({ subscribe() {}, publish: () => Promise.reject(error) }),
        undefined,
        () => {},
      );
      sync.publish(message);
      await Promise.resolve();
      expect(printed).toHaveBeenCalledWith(expect.stringContaining("publish"), error);
    } finally {
      printed.mockRestore();
    }
  });
});
