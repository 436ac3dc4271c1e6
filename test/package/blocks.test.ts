import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { root } from "../../scripts/built.mjs";
import { type Block, blocksOf, documents } from "../support/documents.ts";

/**
 * Every block of code in the documents is what it says: programs compile against the built package, commands exist.
 *
 * A block is a module. It has what test/types/documents.d.ts declares, what a comment in front of it declares, and the
 * imports of the blocks above it in the same document.
 */

const blocks = documents.flatMap(blocksOf);
const programs = blocks.filter(({ language }) => ["js", "ts"].includes(language));

/** In no document: what has to be found, so that a test that finds nothing is known to look. */
const wrong: Block = {
  file: "wrong.md",
  language: "js",
  line: 7,
  code: `import { server } from "framewire/node";\nawait ws.sent("x");`,
  given: [],
};

/** The names that a module's top level declares, imports among them, each with the import that declares it. */
function declaredNames(code: string): Map<string, string | undefined> {
  const names = new Map<string, string | undefined>();
  const add = (name: ts.BindingName): void => {
    if (ts.isIdentifier(name)) names.set(name.text, undefined);
    else for (const part of name.elements) if (!ts.isOmittedExpression(part)) add(part.name);
  };
  for (const statement of ts.createSourceFile("", code, ts.ScriptTarget.ES2022).statements) {
    if (ts.isVariableStatement(statement)) {
      for (const { name } of statement.declarationList.declarations) add(name);
    } else if (ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) {
      if (statement.name !== undefined) add(statement.name);
    } else if (ts.isImportDeclaration(statement)) {
      const from = (statement.moduleSpecifier as ts.StringLiteral).text;
      const { name, namedBindings } = statement.importClause ?? {};
      if (name !== undefined) names.set(name.text, `import ${name.text} from "${from}"`);
      if (namedBindings === undefined) continue;
      if (ts.isNamespaceImport(namedBindings)) {
        const local = namedBindings.name.text;
        names.set(local, `import * as ${local} from "${from}"`);
        continue;
      }
      for (const { name: local, propertyName } of namedBindings.elements) {
        const imported = (propertyName ?? local).text;
        names.set(local.text, `import { ${imported} as ${local.text} } from "${from}"`);
      }
    }
  }
  return names;
}

/** A comment in the first line that names a program, for others of the same document. */
const namePattern = /^\/\/ ([\w.-]+\.[jt]s)\n/;

/** The modules to compile, by their paths; what is put in front of a block stands on its first line. */
const modules = new Map<string, { readonly block: Block; readonly text: string }>();
for (const file of [...documents, wrong.file]) {
  const imports = new Map<string, string>();
  for (const block of [...programs, wrong].filter((block) => block.file === file)) {
    const own = declaredNames(block.code);
    const before = [...imports].filter(([name]) => !own.has(name)).map(([, text]) => text);
    const given = block.given.map((declaration) => {
      const [, name, type] = /^(\w+): (.+)$/.exec(declaration)!;
      return block.language === "ts"
        ? `declare const ${name}: ${type}`
        : `const ${name} = /** @type {${type}} */ (/** @type {any} */ (null))`;
    });
    const text = [...before, ...given, "export {}", block.code].join("; ");
    const [, name = `${block.line}.${block.language}`] = namePattern.exec(block.code) ?? [];
    modules.set(join(root, `${file}.blocks`, name), { block, text });
    for (const [name, text] of own) if (text !== undefined) imports.set(name, text);
  }
}

/** What is wrong with the modules, as "docs/connections.md:12: ...". */
function compile(): string[] {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
    types: ["node", "deno", "bun"],
    strict: true,
    allowJs: true,
    checkJs: true,
    // Parameters need no types.
    noImplicitAny: false,
    skipLibCheck: true,
    noEmit: true,
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile } = host;
  delete host.directoryExists;
  host.fileExists = (path) => modules.has(path) || fileExists(path);
  host.getSourceFile = (path, ...rest) => {
    const module = modules.get(path);
    if (module === undefined) return getSourceFile(path, ...rest);
    return ts.createSourceFile(path, module.text, {
      languageVersion: ts.ScriptTarget.ES2022,
      impliedNodeFormat: ts.ModuleKind.ESNext,
    });
  };
  const names = join(root, "test/types/documents.d.ts");
  const program = ts.createProgram([...modules.keys(), names], options, host);
  return [...modules].flatMap(([path, { block }]) => {
    const file = program.getSourceFile(path)!;
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      ({ start = 0, messageText }) => {
        const { line } = file.getLineAndCharacterOfPosition(start);
        const [message] = ts.flattenDiagnosticMessageText(messageText, "\n").split("\n");
        return `${block.file}:${block.line + line}: ${message}`;
      },
    );
  });
}

const mistakes = compile();

describe("programs in the documents", () => {
  it("exist", () => {
    expect(programs.length).toBeGreaterThan(30);
  });

  it.each(documents)("compile in %s", (file) => {
    expect(mistakes.filter((mistake) => mistake.startsWith(`${file}:`))).toEqual([]);
  });

  it("are JavaScript that Node 20 can read", () => {
    const newer = programs.filter(
      ({ language, code }) => language === "js" && /\busing\b/.test(code),
    );
    expect(newer.map(({ file, line }) => `${file}:${line}`)).toEqual([]);
  });

  it("are refused if a name is wrong", () => {
    expect(mistakes.filter((mistake) => mistake.startsWith(wrong.file))).toEqual([
      expect.stringMatching(/^wrong\.md:7: .*no exported member named 'server'/),
      expect.stringMatching(/^wrong\.md:8: Property 'sent' does not exist/),
    ]);
  });
});

const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};

/** Commands of others, whose arguments are not looked at. */
const known =
  /^(?:cd|git|mkdir|openssl|npm (?:ci|init|install|pack|pkg)|npx jsr add|deno (?:add|init|install)|bun (?:add|init)|bunx jsr add)\b/;

/** What keeps a command from being run as it stands, or undefined. */
function flaw(command: string, file: string): string | undefined {
  if (known.test(command)) return undefined;
  const [, script] = /^npm (?:run (?:-s )?)?([\w:]+)/.exec(command) ?? [];
  if (script !== undefined) return script in scripts ? undefined : `no script ${script}`;
  const [, binary] = /^npx ([\w-]+)/.exec(command) ?? [];
  if (binary !== undefined) {
    return existsSync(join(root, "node_modules/.bin", binary)) ? undefined : `no ${binary}`;
  }
  const [, program] = /^(?:node|deno run|bun)(?: -\S+)* (\S+\.m?js)\b/.exec(command) ?? [];
  if (program === undefined) return "not a command that is known here";
  const isInDocument = programs.some(
    (block) => block.file === file && namePattern.exec(block.code)?.[1] === program,
  );
  return isInDocument || existsSync(join(root, program)) ? undefined : `no file ${program}`;
}

/** Single commands of a shell block, without comments and variables in front. */
function commandsOf({ code }: Block): string[] {
  return code
    .split("\n")
    .flatMap((line) => line.replace(/(?:^|\s)#.*/, "").split(/&&|;/))
    .map((command) => command.trim().replace(/^(?:[A-Z_]+=\S+ )+/, ""))
    .filter((command) => command !== "");
}

const commands = blocks
  .filter(({ language }) => language === "sh")
  .flatMap((block) => commandsOf(block).map((command) => [block.file, command] as const));

describe("commands in the documents", () => {
  it.each(commands)("%s: %s", (file, command) => {
    expect(flaw(command, file)).toBeUndefined();
  });

  it.each(["npm run nothing", "npx nobody", "node nowhere.js", "rm file"])(
    "would be refused: %s",
    (command) => {
      expect(flaw(command, "README.md")).toBeDefined();
    },
  );

  it("are, with programs, all that blocks hold", () => {
    const languages = new Set(blocks.map(({ language }) => language));
    expect(
      [...languages].filter(
        (language) => !/^(?:js|ts|sh|json|html|mermaid|nginx|haproxy|sql|text|)$/.test(language),
      ),
    ).toEqual([]);
  });
});
