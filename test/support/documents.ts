/**
 * The documents that people read, and the blocks of code in them.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/built.mjs";

/** A block of code between fences. */
export interface Block {
  /** The document, such as "docs/connections.md". */
  readonly file: string;
  /** What the fence says, such as "js". */
  readonly language: string;
  /** Line of its first line of code, from 1. */
  readonly line: number;
  readonly code: string;
  /** What a comment in front of the fence declares, as in `<!-- given token: string; bytes: Uint8Array -->`. */
  readonly given: readonly string[];
}

/** Paths of all documents. */
export const documents: readonly string[] = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`),
  ...readdirSync(join(root, "examples"), { recursive: true, encoding: "utf8" }).map(
    (name) => `examples/${name}`,
  ),
].filter((name) => name.endsWith(".md"));

export function readDocument(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

const givenPattern = /^<!-- given (.*) -->$/;

/** All blocks of a document, in their order. */
export function blocksOf(file: string): Block[] {
  const lines = readDocument(file).split("\n");
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const [, indent, language] = /^( *)```(\S*)/.exec(lines[at]!) ?? [];
    if (language === undefined) continue;
    const end = lines.indexOf(`${indent}\`\`\``, at + 1);
    if (end < 0) throw new Error(`${file}:${at + 1}: this block has no end`);
    const [, given] = givenPattern.exec(lines[at - 1]?.trim() ?? "") ?? [];
    blocks.push({
      file,
      language,
      line: at + 2,
      code: lines.slice(at + 1, end).join("\n"),
      given: given?.split("; ") ?? [],
    });
    at = end;
  }
  return blocks;
}

/** The program in a document whose first line is a comment with this name, as `// server.js`. */
export function programOf(file: string, name: string): string {
  const found = blocksOf(file).filter(({ code }) => code.startsWith(`// ${name}`));
  if (found.length !== 1) throw new Error(`${file} has ${found.length} programs ${name}`);
  return `${found[0]!.code}\n`;
}
