import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  differenceLines,
  files,
  parseTitle,
  rowLines,
  table,
} from "../../scripts/hostile-table.mjs";
import { casesOf } from "./cases/all.ts";
import { plainRows } from "./cases/plain.ts";
import { type Role, roles, titleOf } from "./support.ts";

/** Every row of the battery is in some test's title, in each role that it has, and the document tells the same rows. */

/** Titles of tests as they stand in a file, behind that of their `describe`; what is made at run time is left out. */
function titlesIn(text: string): string[] {
  const titles: string[] = [];
  let group: readonly string[] = [];
  for (const line of text.split("\n")) {
    const [, each, name] = /^describe(\.each\(.*?\))?\(\s*["`](.*?)["`]/.exec(line) ?? [];
    if (name !== undefined) {
      group =
        each?.includes("roles") || each?.includes('["server", "client"]')
          ? roles.map((role) => name.replace("%s", role))
          : [name];
    }
    for (const [, title] of line.matchAll(/(?<=["`])([A-L]-\d+[^"`]*)/g)) {
      titles.push(...group.map((one) => `${one} ${title}`));
    }
    // Of all tests in the group.
    if (name !== undefined) titles.push(...group);
  }
  return titles;
}

const inFiles = files.flatMap((file) => titlesIn(readFileSync(file, "utf8")));
const inTable = roles.flatMap((role) => casesOf(role).map((one) => `a ${role}: ${titleOf(one)}`));
const inPlain = plainRows.map(({ id, name }) => `a server of plain HTTP ${id}: ${name}`);
const titles = [...inTable, ...inPlain, ...inFiles];

/** For each row the roles in which some test names it. */
const covered = new Map<string, Set<Role>>();
for (const title of titles) {
  const { role, ids } = parseTitle(title);
  for (const id of ids) {
    if (!covered.has(id)) covered.set(id, new Set());
    if (role !== undefined) covered.get(id)!.add(role);
  }
}

describe("the rows of the battery", () => {
  it("are 184, each in its section", () => {
    expect(table.rows.map(({ id }) => Number(id.slice(2)))).toEqual(
      Array.from({ length: 184 }, (_, i) => i + 1),
    );
    for (const { id } of table.rows) expect(Object.keys(table.sections)).toContain(id[0]);
  });

  it.each(table.rows.flatMap(({ id, title, roles: own }) => own.map((role) => [id, role, title])))(
    "%s is met by a %s: %s",
    (id, role) => {
      expect([...(covered.get(id!) ?? [])]).toContain(role);
    },
  );

  it("are all that titles name", () => {
    const known = new Set(table.rows.map(({ id }) => id));
    expect([...covered.keys()].filter((id) => !known.has(id))).toEqual([]);
  });

  it("are those of docs/hostile-inputs.md, with what differs", () => {
    const text = readFileSync("docs/hostile-inputs.md", "utf8");
    const lines = new Set(text.split("\n"));
    const expected = [...rowLines(table), ...differenceLines(table)];
    expect(expected.filter((line) => !lines.has(line))).toEqual([]);
    const rowsThere = [...lines].filter((line) => /^\| [A-L]-\d/.test(line));
    expect(rowsThere).toHaveLength(table.rows.length);
    const differencesThere = [...lines].filter((line) => /^- \*\*[A-L]-\d/.test(line));
    expect(differencesThere).toEqual(differenceLines(table));
  });
});
