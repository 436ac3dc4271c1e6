import { describe, expect, it } from "vitest";
import { adapter } from "../support/adapter.ts";
import { runtime } from "../support/runtime.ts";
import { lacking, play, rows } from "../support/tls/table.mjs";

/** The table of TLS cases, on the runtime at hand; `npm run versions` plays it on others. */
describe(`TLS on ${runtime}`, () => {
  for (const row of rows) {
    it.skipIf(lacking(row) !== undefined)(`by ${row.way}: ${row.name}`, async () => {
      expect(await play(adapter, row)).toEqual(row.expected);
    });
  }
});
