import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { root } from "../../scripts/built.mjs";

/** A name that an entry exports. */
export interface PublicName {
  readonly name: string;
  /** Whether there is a value behind it at run time; otherwise it is for types alone. */
  readonly isValue: boolean;
  /** Its declaration as it was built, without comments and without what is private or internal. */
  readonly declaration: string;
}

/** An entry of the package, such as "framewire/node", and its built module. */
export interface PublicEntry {
  readonly entry: string;
  /** The module's path. */
  readonly module: string;
  readonly names: readonly PublicName[];
}

/** What users see of the built package. */
export interface PublicApi {
  readonly entries: readonly PublicEntry[];
  /** Declarations that those of the entries refer to, such as what an interface extends, and that no entry exports. */
  readonly hidden: readonly string[];
}

type Target = string | Readonly<Record<string, string>>;

/** The entries of package.json; of framewire/auto the module that Node gets. */
function entryModules(): { readonly entry: string; readonly module: string }[] {
  const text = readFileSync(join(root, "package.json"), "utf8");
  const { exports } = JSON.parse(text) as { readonly exports: Readonly<Record<string, Target>> };
  return Object.entries(exports)
    .filter(([key]) => key !== "./package.json")
    .map(([key, target]) => ({
      entry: key.replace(/^\./, "framewire"),
      module: join(root, typeof target === "string" ? target : target["node"]!),
    }));
}

/** Reads the declarations of the built package. */
export function readPublicApi(): PublicApi {
  const modules = entryModules();
  const files = modules.map(({ module }) => module.replace(/\.mjs$/, ".d.mts"));
  const program = ts.createProgram(files, {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts"],
    types: [],
  });
  const checker = program.getTypeChecker();
  const exported = new Set<ts.Symbol>();
  const entries = modules.map(({ entry, module }, index) => {
    const source = program.getSourceFile(files[index]!)!;
    const symbols = checker.getExportsOfModule(checker.getSymbolAtLocation(source)!);
    const names = symbols.map((symbol) => {
      const target = behindAlias(symbol, checker);
      exported.add(target);
      return describeSymbol(symbol, target);
    });
    return { entry, module, names: names.sort((a, b) => (a.name < b.name ? -1 : 1)) };
  });
  const hidden = [...findHidden(exported, checker)].map(declarationOf);
  return { entries, hidden: hidden.sort() };
}

function behindAlias(symbol: ts.Symbol, checker: ts.TypeChecker): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

function describeSymbol(symbol: ts.Symbol, target: ts.Symbol): PublicName {
  const isTypeOnly = symbol.declarations!.some(ts.isTypeOnlyImportOrExportDeclaration);
  return {
    name: symbol.name,
    isValue: (target.flags & ts.SymbolFlags.Value) !== 0 && !isTypeOnly,
    declaration: declarationOf(target),
  };
}

/** What the exported declarations refer to in the package's own files, and what that refers to, unless it is exported. */
function findHidden(exported: ReadonlySet<ts.Symbol>, checker: ts.TypeChecker): Set<ts.Symbol> {
  const hidden = new Set<ts.Symbol>();
  const visit = (node: ts.Node): void => {
    if (isLeftOut(node)) return;
    const name = ts.isTypeReferenceNode(node)
      ? node.typeName
      : ts.isExpressionWithTypeArguments(node)
        ? node.expression
        : undefined;
    const symbol = name && checker.getSymbolAtLocation(name);
    if (symbol !== undefined) add(behindAlias(symbol, checker));
    ts.forEachChild(node, visit);
  };
  const add = (symbol: ts.Symbol): void => {
    const isOwn = symbol.declarations?.every(
      (declaration) =>
        declaration.getSourceFile().fileName.startsWith(join(root, "dist")) &&
        !ts.isTypeParameterDeclaration(declaration),
    );
    if (isOwn !== true || exported.has(symbol) || hidden.has(symbol)) return;
    hidden.add(symbol);
    symbol.declarations!.forEach(visit);
  };
  for (const symbol of exported) symbol.declarations!.forEach(visit);
  return hidden;
}

/** Whether a member of a class is none of its users' business. */
function isLeftOut(node: ts.Node): boolean {
  if (!ts.isClassElement(node)) return false;
  const isPrivate =
    (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Private) !== 0 ||
    (node.name !== undefined && ts.isPrivateIdentifier(node.name));
  return isPrivate || ts.getJSDocTags(node).some(({ tagName }) => tagName.text === "internal");
}

const printer = ts.createPrinter({ removeComments: true });

function declarationOf(symbol: ts.Symbol): string {
  return symbol.declarations!.map(print).join("\n");
}

function print(declaration: ts.Declaration): string {
  // Of `const x: number` the declaration is `x: number`.
  const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
  const { transformed } = ts.transform(node, [
    (context) => (whole) => {
      const shorten = (part: ts.Node): ts.Node | undefined =>
        isLeftOut(part) ? undefined : ts.visitEachChild(part, shorten, context);
      return ts.visitEachChild(whole, shorten, context);
    },
  ]);
  return (
    printer
      .printNode(ts.EmitHint.Unspecified, transformed[0]!, node.getSourceFile())
      .replaceAll(/^(?:export |declare )+/gm, "")
      // A bundle tells two things of one name apart.
      .replaceAll(/\$\d+\b/g, "")
  );
}

/** Writes the API down: each entry with its names and their declarations, which stand at the first entry that has them. */
export function formatPublicApi({ entries, hidden }: PublicApi): string {
  const homes = new Map<string, string>();
  const sections = entries.map(({ entry, names }) => {
    const items = names.map(({ name, isValue, declaration }) => {
      const isTypeOnly = !isValue && /^(?:abstract )?class /.test(declaration);
      const home = homes.get(declaration);
      if (home !== undefined) return `${isValue ? "" : "type "}${name}: as in ${home}`;
      homes.set(declaration, entry);
      return isTypeOnly ? `type only: ${declaration}` : declaration;
    });
    return `## ${entry}\n\n${items.join("\n\n")}\n`;
  });
  return [...sections, `## Not exported, but referred to\n\n${hidden.join("\n\n")}\n`].join("\n");
}
