import { describe, expect, it } from "vitest";
import { adapter } from "../support/adapter.ts";
import { runtime } from "../support/runtime.ts";
import { play, rows } from "../support/tls/table.mjs";

/** The table of TLS cases, on the runtime at hand; `npm run versions` plays it on others. */
describe(`TLS on ${runtime}`, () => {
  it.each(rows.map((row) => [row.way, row.name, row] as const))(
    "by %s: %s",
    async (_way, _name, row) => {
      const seen = await play(adapter, row);
      // Deno cannot ask clients for certificates: test/runtime/listen.test.ts.
      if (runtime === "deno" && row.way === "client certificates") expect(seen).toBeUndefined();
      else expect(seen).toEqual(row.expected);
    },
  );
});
