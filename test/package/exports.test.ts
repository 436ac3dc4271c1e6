import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { formatPublicApi, readPublicApi } from "../support/public-api.ts";

/**
 * What the package promises, in one file that shows in review how a change changes it. Where the change is wanted,
 * `npm run api` writes the file anew, and CHANGELOG.md says what is different.
 */

const api = readPublicApi();

describe("the public API", () => {
  it("is as api.txt says, name by name", async () => {
    await expect(formatPublicApi(api)).toMatchFileSnapshot("api.txt");
  });

  it.each(api.entries)(
    "has at run time the names that the types of $entry have",
    async ({ module, names }) => {
      const loaded = (await import(/* @vite-ignore */ pathToFileURL(module).href)) as object;
      const values = names.filter(({ isValue }) => isValue).map(({ name }) => name);
      expect(Object.keys(loaded).sort()).toEqual(values);
    },
  );
});
