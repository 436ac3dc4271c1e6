import { afterEach, describe, expect, it } from "vitest";
import { allCases, tables } from "./cases/all.ts";
import { expectNoRejections, playThenFresh } from "./play.ts";
import { titleOf } from "./support.ts";
import { expectOutcome } from "./trace.ts";

/** The whole table against servers without a socket, each input in one chunk. */

afterEach(expectNoRejections);

describe("the table of cases", () => {
  it("names each case once", () => {
    const ids = allCases.map(({ id }) => id);
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
  });
});

describe.each(tables)("a server meets %s:", (_, cases) => {
  it.each(cases.map((c) => [titleOf(c), c] as const))("%s", async (_title, c) => {
    expectOutcome(await playThenFresh(c), c.outcome);
  });
});
