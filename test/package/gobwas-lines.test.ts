import { readFileSync } from "node:fs";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { programOf, readDocument } from "../support/documents.ts";

/** The programs of gobwas's README are as short here as in Go: lines of both, counted alike. */

const document = "docs/low-level.md";

interface Counted {
  readonly name: string;
  /** Lines of the Go program; gobwas-lines.json tells what was counted. */
  readonly go: number;
  /** The program's name in the document. */
  readonly document: string;
  /** Its file in examples/gobwas. */
  readonly example: string;
  /** Of the example, the function that does what the Go program does. Default: all of it. */
  readonly function?: string;
}

const { programs } = JSON.parse(readFileSync("test/package/gobwas-lines.json", "utf8")) as {
  readonly programs: readonly Counted[];
};

/** Counts the lines that hold a token: neither blank ones nor comments. */
function linesOf(code: string): number {
  const source = ts.createSourceFile("", code, ts.ScriptTarget.ES2022, true);
  const lines = new Set<number>();
  const visit = (node: ts.Node): void => {
    if (ts.isJSDoc(node)) return;
    const children = node.getChildren(source);
    for (const child of children) visit(child);
    if (children.length > 0 || node.getWidth(source) === 0) return;
    const first = source.getLineAndCharacterOfPosition(node.getStart(source)).line;
    const last = source.getLineAndCharacterOfPosition(node.getEnd()).line;
    for (let line = first; line <= last; line++) lines.add(line);
  };
  visit(source);
  return lines.size;
}

/** The text of a function at a program's top level. */
function functionOf(code: string, name: string): string {
  const source = ts.createSourceFile("", code, ts.ScriptTarget.ES2022, true);
  const found = source.statements.find(
    (statement) => ts.isFunctionDeclaration(statement) && statement.name?.text === name,
  );
  if (found === undefined) throw new Error(`There is no function ${name}`);
  return found.getText(source);
}

function exampleLines({ example, function: name }: Counted): number {
  const code = readFileSync(`examples/gobwas/${example}`, "utf8");
  return linesOf(name === undefined ? code : functionOf(code, name));
}

function documentLines(program: Counted): number {
  return linesOf(programOf(document, program.document));
}

describe("a line", () => {
  it("counts if it has code, however it is commented", () => {
    const code =
      "// no\n\nf(); // yes\n/* no\n   no */\n/** no */\nconst a = `\n\n`;\nif (a) {\n}\n";
    expect(linesOf(code)).toBe(6);
  });
});

describe.each(programs)("gobwas's program '$name', of $go lines", (program) => {
  it("is as short in the document, or shorter", () => {
    expect(documentLines(program)).toBeLessThanOrEqual(program.go);
  });

  it("is as short as an example, or shorter", () => {
    expect(exampleLines(program)).toBeLessThanOrEqual(program.go);
  });

  it("has its lines in the document's table", () => {
    const row = readDocument(document)
      .split("\n")
      .find((line) => line.startsWith(`| [${program.name}](`));
    const cells = row?.split("|").map((cell) => cell.trim()) ?? [];
    const { example } = program;
    expect(cells.slice(2, 5)).toEqual([
      String(program.go),
      String(documentLines(program)),
      `[${example}](../examples/gobwas/${example}), ${exampleLines(program)}`,
    ]);
  });
});

describe(document, () => {
  it("has the eight programs", () => {
    expect(programs).toHaveLength(8);
  });
});
