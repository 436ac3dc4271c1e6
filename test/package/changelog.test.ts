import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../../scripts/built.mjs";

const text = readFileSync(join(root, "CHANGELOG.md"), "utf8");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly version: string;
};

/** Headings of versions, such as "0.1.0 (unreleased)" or "0.1.0 (2020-12-31)". */
const headings = Array.from(text.matchAll(/^## (.*)$/gm), ([, heading]) => heading!).filter(
  (heading) => heading !== "Policy",
);

const sections = headings.map((heading) => {
  const [, number, date] = /^(\d+\.\d+\.\d+) \((unreleased|\d{4}-\d\d-\d\d)\)$/.exec(heading) ?? [];
  return { heading, number, date };
});

describe("the changelog", () => {
  it("has one section for each version, with the date of its release", () => {
    expect(sections.filter(({ number }) => number === undefined)).toEqual([]);
    const numbers = sections.map(({ number }) => number!);
    const newestFirst = [...new Set(numbers)].sort((a, b) =>
      b.localeCompare(a, "en", { numeric: true }),
    );
    expect(numbers).toEqual(newestFirst);
  });

  it("has a section for the version that package.json names", () => {
    expect(sections.map(({ number }) => number)).toContain(version);
  });

  it("has no unreleased section below a released one", () => {
    expect(sections.slice(1).filter(({ date }) => date === "unreleased")).toEqual([]);
  });
});
