import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { documents, readDocument } from "../support/documents.ts";

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

  it.each(named)("name in %s a test of %s that exists: %s", (_, file, title) => {
    expect(readFileSync(file, "utf8")).toContain(title);
  });

  it("name sources in ARCHITECTURE.md that exist", () => {
    const files = readDocument("ARCHITECTURE.md").match(/\b[a-z][\w-]*\/[\w./-]*\w\.ts\b/g)!;
    const missing = files.filter((file) => ![file, `src/${file}`].some((path) => existsSync(path)));
    expect(files.length).toBeGreaterThan(20);
    expect(missing).toEqual([]);
  });

  it.each(documents)("have only links in %s that lead somewhere", (name) => {
    const links = Array.from(
      readDocument(name).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g),
      ([, path, anchor]) => ({ file: path === "" ? name : join(dirname(name), path!), anchor }),
    );
    const broken = links.filter(
      ({ file, anchor }) =>
        !existsSync(file) || (anchor !== undefined && !anchorsOf(file).includes(anchor)),
    );
    expect(broken).toEqual([]);
  });
});

/** What a document's headings are called in links, as GitHub has it. */
function anchorsOf(file: string): string[] {
  return Array.from(readDocument(file).matchAll(/^#+ (.*)$/gm), ([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\w\s-]/g, "")
      .replace(/\s/g, "-"),
  );
}
