import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { guaranteesTable, page, written } from "../../scripts/drivers-table.mjs";

describe("the tables of docs/scaling.md that compare drivers", () => {
  it("say what test/runtime/guarantees.test.ts has seen, and what was measured", () => {
    const text = readFileSync(page, "utf8");
    // If not: `npm run -s drivers:table`.
    expect(text).toBe(written(text));
  });

  it("have one column for each driver", () => {
    const [titles] = guaranteesTable().split("\n");
    for (const driver of [
      "workerBackplane",
      "clusterBackplane",
      "redisBackplane",
      "redisStreams",
      "natsBackplane",
    ]) {
      expect(titles!.split(`\`${driver}\``)).toHaveLength(2);
    }
  });
});
