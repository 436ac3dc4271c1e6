import { existsSync, readFileSync } from "node:fs";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const document = "docs/gobwas-parity.md";

/** One row of the tables below the headings "Package ..." and "Go's own packages". */
interface Row {
  /** gobwas's package, or "go". */
  readonly pack: string;
  /** gobwas's name. */
  readonly gobwas: string;
  /** "name", "type Name", "Name.member", or "-". */
  readonly name: string;
  /** "framewire/frame", or "" where there is no name. */
  readonly entry: string;
  readonly note: string;
}

const rowPattern =
  /^\| `((?:[a-z]+\.)?[A-Z]\w*(?:\.[A-Z]\w*)?)` +\| (?:(-)|`((?:type )?\w+(?:\.\w+)?)`) +\| *(\S*) +\| *(.*?) *\|$/;

/**
 * Reads the tables; lines of them that are no rows come out as `malformed`. `claims` are the rows of the tables in front
 * of them, by their first cells: each says what happens.
 */
function readTables(markdown: string): { rows: Row[]; malformed: string[]; claims: string[] } {
  const rows: Row[] = [];
  const malformed: string[] = [];
  const claims: string[] = [];
  let pack: string | undefined;
  for (const line of markdown.split("\n")) {
    if (line.startsWith("## Go's own packages")) pack = "go";
    else if (line.startsWith("## ")) pack = /^## Package (\w+)/.exec(line)?.[1];
    if (!line.startsWith("|") || /^\| (?:gobwas |both |Go |---)/.test(line)) continue;
    if (pack === undefined) {
      claims.push(line.split(/(?<!\\)\|/)[1]!.trim());
      continue;
    }
    const [, gobwas, none, name = none, entry, note] = rowPattern.exec(line) ?? [];
    const isFourCells = line.split(/(?<!\\)\|/).length === 6;
    if (gobwas === undefined || !isFourCells) malformed.push(line);
    else rows.push({ pack, gobwas, name: name!, entry: entry!, note: note! });
  }
  return { rows, malformed, claims };
}

const { rows, malformed, claims } = readTables(readFileSync(document, "utf8"));

const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as {
  exports: Record<string, string | { readonly node: string }>;
};

/** The declarations of each entry of the built package that is named in a row. */
const declarations = new Map<string, string>();
/** What each of them exports at run time. */
const values = new Map<string, Readonly<Record<string, unknown>>>();
for (const entry of new Set(rows.map((row) => row.entry))) {
  if (!/^framewire(?:\/|$)/.test(entry)) continue;
  const target = exports[entry.replace("framewire", ".")];
  if (target === undefined) continue;
  const file = typeof target === "string" ? target : target.node;
  declarations.set(entry, file.replace(/\.mjs$/, ".d.mts"));
  values.set(entry, (await import(entry)) as Record<string, unknown>);
}

const program = ts.createProgram([...declarations.values()], {
  lib: ["lib.es2023.d.ts"],
  types: [],
  module: ts.ModuleKind.NodeNext,
  strict: true,
});
const checker = program.getTypeChecker();

/** What an entry's declarations export under `name`, wherever it is declared. */
function exportOf(entry: string, name: string): ts.Symbol {
  const source = program.getSourceFile(declarations.get(entry)!)!;
  const symbol = checker
    .getExportsOfModule(checker.getSymbolAtLocation(source)!)
    .find((exported) => exported.name === name);
  if (symbol === undefined) throw new Error(`${entry} does not export ${name}`);
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

/** A member of a class or an interface. */
function memberOf(owner: ts.Symbol, name: string): ts.Symbol {
  const member = checker.getDeclaredTypeOfSymbol(owner).getProperty(name);
  if (member === undefined) throw new Error(`${owner.name} has no member ${name}`);
  return member;
}

/** The codes that an error of a class may have. */
function codesOf(errorClass: ts.Symbol): unknown[] {
  const type = checker.getTypeOfSymbol(memberOf(errorClass, "code"));
  const literals = type.isUnion() ? type.types : [type];
  return literals.map((literal) => (literal.isStringLiteral() ? literal.value : literal));
}

/** Checks that `name` is what `entry` exports: a type and no value, a value, or a member of one of them. */
function expectExported(name: string, entry: string): void {
  const [, type, base = "", member] = /^(type )?(\w+)(?:\.(\w+))?$/.exec(name)!;
  const symbol = exportOf(entry, base);
  const value = values.get(entry)![base];
  if (member === undefined) {
    const isValue = value !== undefined;
    expect(isValue, `${base} is a value of ${entry}`).toBe(type === undefined);
    return;
  }
  const isField = (memberOf(symbol, member).flags & ts.SymbolFlags.Property) !== 0;
  // Fields are on instances alone, and interfaces have no prototype: their declaration has to do.
  if (typeof value !== "function" || isField) return;
  const prototype = value.prototype as object;
  expect(Reflect.has(prototype, member), `${name} is on the prototype`).toBe(true);
}

const named = rows.filter(({ name }) => name !== "-");
const unnamed = rows.filter(({ name }) => name === "-");

describe(document, () => {
  it("has four cells in each row, as its introduction says", () => {
    expect(malformed).toEqual([]);
  });

  it.each([
    ["ws", 218],
    ["wsutil", 119],
    ["wsflate", 66],
    ["httphead", 95],
  ])("has every name of package %s, %i of them, each once", (pack, count) => {
    const names = rows.filter((row) => row.pack === pack).map(({ gobwas }) => gobwas);
    const twins = names.filter((name, index) => names.indexOf(name) < index);
    expect(twins).toEqual([]);
    expect(names).toHaveLength(count);
  });

  it.each(
    named.map((row) => [`${row.pack}.${row.gobwas} is ${row.name} of ${row.entry}`, row] as const),
  )("%s", (_, { name, entry, note }) => {
    expect([...values.keys()], "entries of the package").toContain(entry);
    expectExported(name, entry);
    for (const [, code] of note.matchAll(/\bcode ([A-Z][A-Z0-9_]*)/g)) {
      expect(codesOf(exportOf(entry, name)), `codes of ${name}`).toContain(code);
    }
  });

  it.each(
    unnamed.map((row) => [`${row.pack}.${row.gobwas} has no name: ${row.note}`, row] as const),
  )("%s", (_, { entry, note }) => {
    expect(entry).toBe("");
    expect(note).not.toBe("");
  });

  it("gives each error its code", () => {
    const isError = /^(?:Protocol|Limit|Handshake|Dial)Error$/;
    const uncoded = named.filter(
      ({ gobwas, name, note }) =>
        gobwas.startsWith("Err") && isError.test(name) && !/\bcode [A-Z]/.test(note),
    );
    expect(uncoded).toEqual([]);
  });
});

/**
 * What is known of the notes: those that only say what something is called or how it is written, and those that say what
 * happens, with the tests that show it, as "test/frame/check.test.ts: title".
 */
const notes = JSON.parse(readFileSync("test/package/parity-notes.json", "utf8")) as {
  readonly names: readonly string[];
  readonly behaviour: Readonly<Record<string, readonly string[]>>;
};

/** A note that is a code, with the HTTP status that answers it: it is compared with the error itself. */
const codeNote = /^code ([A-Z][A-Z0-9_]*)(?:, (\d{3}))?$/;

const titles = new Map<string, Set<string>>();

/** The titles of a test file's tests, as they are written there. */
function titlesOf(file: string): Set<string> {
  const found = new Set<string>();
  if (titles.has(file) || !existsSync(file)) return titles.get(file) ?? found;
  titles.set(file, found);
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const [title] = node.arguments;
      const isTest = /^it(?:\.each)?\b/.test(node.expression.getText(source));
      if (isTest && title !== undefined && ts.isStringLiteralLike(title)) found.add(title.text);
    }
    ts.forEachChild(node, visit);
  };
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.ES2022);
  visit(source);
  return found;
}

function isTest(reference: string): boolean {
  const [, file = "", title = ""] = /^(\S+\.test\.ts): (.+)$/s.exec(reference) ?? [];
  return titlesOf(file).has(title);
}

describe(`what ${document} says of behaviour`, () => {
  const noted = [...new Set(rows.map(({ note }) => note).filter((note) => note !== ""))];
  const stated = [...claims, ...noted.filter((note) => !codeNote.test(note))];

  it("is listed in test/package/parity-notes.json, note by note: a new one is a name, or has a test", () => {
    const unknown = stated.filter(
      (note) => !notes.names.includes(note) && notes.behaviour[note] === undefined,
    );
    expect(unknown).toEqual([]);
  });

  it("lists nothing else", () => {
    const known = [...notes.names, ...Object.keys(notes.behaviour)];
    expect(known.filter((note) => !stated.includes(note))).toEqual([]);
    expect(claims.filter((claim) => notes.behaviour[claim] === undefined)).toEqual([]);
    expect(notes.names.filter((note) => notes.behaviour[note] !== undefined)).toEqual([]);
  });

  it.each(Object.entries(notes.behaviour))("has tests: %s", (_, references) => {
    expect(references.length).toBeGreaterThan(0);
    expect(references.filter((reference) => !isTest(reference))).toEqual([]);
  });

  it("would report a test that does not exist", () => {
    const file = "test/http/cookie.test.ts";
    expect(isTest(`${file}: ${[...titlesOf(file)][0]!}`)).toBe(true);
    expect(isTest(`${file}: is not there`)).toBe(false);
    expect(isTest("test/http/nowhere.test.ts: reads bytes")).toBe(false);
  });

  const coded = named.flatMap(({ gobwas, name, entry, note }) => {
    const [, code, status] = codeNote.exec(note) ?? [];
    return code === undefined ? [] : ([[gobwas, name, entry, code, status]] as const);
  });

  it.each(coded)(
    "is right that %s is %s of %s with code %s, and which status answers it",
    (_, name, entry, code, status) => {
      const ErrorClass = values.get(entry)![name] as new (code: string) => {
        readonly code: string;
        readonly status: number;
      };
      const error = new ErrorClass(code);
      expect(error.code).toBe(code);
      if (status !== undefined) expect(error.status).toBe(Number(status));
    },
  );
});
