import { afterEach, describe, expect, it } from "vitest";
import { casesOf, tables } from "./cases/all.ts";
import { expectNoRejections, playThenFresh } from "./play.ts";
import { named, roles } from "./support.ts";
import { expectOutcome } from "./trace.ts";

/** The whole table against servers and clients without a socket, each input in one chunk. */

afterEach(expectNoRejections);

describe("the table of cases", () => {
  it.each(roles)("names each case of a %s once", (role) => {
    const ids = casesOf(role).map(({ id }) => id);
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
  });
});

describe.each(tables)("a %s meets %s:", (_role, _subject, cases) => {
  it.each(named(cases))("%s", async (_, one) => {
    expectOutcome(await playThenFresh(one), one);
  });
});
