import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import ts from "typescript";

/** One row of docs/gobwas-parity.md. */
interface Row {
  readonly pack: string;
  readonly gobwas: string;
  /** "name", "type Name", "Name.member", or "-". */
  readonly name: string;
  readonly entry: string;
  readonly note: string;
}

/** The rows of the tables below the headings "Package ...". */
function readRows(markdown: string): Row[] {
  const rows: Row[] = [];
  let pack = "";
  for (const line of markdown.split("\n")) {
    pack = /^## Package (\w+)/.exec(line)?.[1] ?? pack;
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/^`(.*)`$/, "$1"));
    const [, gobwas, name, entry, note] = cells;
    if (pack === "" || cells.length !== 6 || gobwas === "gobwas" || gobwas!.startsWith("---"))
      continue;
    rows.push({ pack, gobwas: gobwas!, name: name!, entry: entry!, note: note! });
  }
  return rows;
}

const rows = readRows(readFileSync("docs/gobwas-parity.md", "utf8"));
const named = rows.filter((row) => row.name !== "-");
const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as {
  exports: Record<string, string>;
};

/** The declarations of an entry of the built package. */
function declarationOf(entry: string): string {
  return exports[entry.replace(/^framewire/, ".")]!.replace(/\.mjs$/, ".d.mts");
}

const program = ts.createProgram([...new Set(named.map(({ entry }) => declarationOf(entry)))], {
  lib: ["lib.es2023.d.ts"],
  types: [],
  module: ts.ModuleKind.NodeNext,
});
const checker = program.getTypeChecker();

/** What an entry exports, aliases resolved. */
function exportOf(entry: string, name: string): ts.Symbol | undefined {
  const source = program.getSourceFile(declarationOf(entry));
  const symbol = checker
    .getExportsOfModule(checker.getSymbolAtLocation(source!)!)
    .find((exported) => exported.name === name);
  if (symbol === undefined) return undefined;
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

const values = new Map<string, Record<string, unknown>>();
for (const { entry } of named) {
  values.set(entry, (await import(entry)) as Record<string, unknown>);
}

describe("docs/gobwas-parity.md", () => {
  it.each([
    ["ws", 218],
    ["wsutil", 119],
    ["wsflate", 66],
  ])("has every name of package %s: %i, each once", (pack, count) => {
    const names = rows.filter((row) => row.pack === pack).map(({ gobwas }) => gobwas);
    expect(names).toHaveLength(count);
    expect(new Set(names).size).toBe(count);
  });

  it("says what to use instead where there is no name", () => {
    expect(rows.filter(({ name, note }) => name === "-" && note === "")).toEqual([]);
  });

  it.each(named.map((row) => [`${row.pack}.${row.gobwas}`, row.name, row.entry] as const))(
    "%s: %s is in %s",
    (_, name, entry) => {
      const [, type, base, member] = /^(type )?(\w+)(?:\.(\w+))?$/.exec(name)!;
      const symbol = exportOf(entry, base!);
      expect(symbol, `${base} in the declarations of ${entry}`).toBeDefined();
      const isValue = values.get(entry)![base!] !== undefined;
      if (member === undefined) expect(isValue).toBe(type === undefined);
      else {
        const members = checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol!));
        expect(members.map((property) => property.name)).toContain(member);
      }
    },
  );

  it("names codes of errors that there are", () => {
    const errors = readFileSync("src/errors.ts", "utf8");
    const codes = rows.flatMap(({ note }) => /\bcode ([A-Z_0-9]+)/.exec(note)?.[1] ?? []);
    expect(codes.length).toBeGreaterThan(30);
    expect(codes.filter((code) => !errors.includes(`"${code}"`))).toEqual([]);
  });
});
