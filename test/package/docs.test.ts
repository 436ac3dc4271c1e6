import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

/** Tests that the documents name, as in `test/x.test.ts`: "what holds", must be there. */

const named = readdirSync("docs")
  .filter((name) => name.endsWith(".md"))
  .flatMap((name) => {
    const text = readFileSync(`docs/${name}`, "utf8");
    const pattern = /`(test\/[^`]+\.ts)`: "([^"]+)"/g;
    return Array.from(text.matchAll(pattern), ([, file, title]) => [name, file!, title!] as const);
  });

describe("the documents", () => {
  it("name tests", () => {
    expect(named.length).toBeGreaterThan(0);
  });

  it.each(named)("%s names a test of %s that is there: %s", (_, file, title) => {
    expect(readFileSync(file, "utf8")).toContain(title);
  });

  it.each(
    [
      "README.md",
      "ARCHITECTURE.md",
      "CHANGELOG.md",
      ...readdirSync("docs").map((name) => `docs/${name}`),
    ].filter((name) => name.endsWith(".md")),
  )("%s leads nowhere that is not there", (name) => {
    const folder = name.startsWith("docs/") ? "docs/" : "";
    const links = Array.from(
      readFileSync(name, "utf8").matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g),
      ([, link]) => `${folder}${link!}`,
    );
    const broken = links.filter((link) => !existsSync(link));
    expect(broken).toEqual([]);
  });
});
