/**
 * `node scripts/lint/no-slice-on-bytes.mjs`: refuses `slice` on bytes in `src` and `adapters`.
 *
 * A `Buffer` of Node's is a Uint8Array whose `slice` gives a view, on all three runtimes, so that what looks like a copy changes with
 * what the caller does next. `copyOf` of src/bytes.ts copies, whatever it is given; `subarray` and `viewOf` say that they do not.
 *
 * A program of its own, since it asks for types, which no linter without TypeScript knows: strings and arrays have a `slice` that is
 * right. A line with `no-slice-on-bytes:` and a reason above it is left out.
 */

import { relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Names of what `slice` is refused on; `Buffer` is an heir, but one that overrides it. */
const refused =
  /^(?:Buffer|DataView|(?:Uint8|Uint8Clamped|Int8|Uint16|Int16|Uint32|Int32|Float32|Float64|BigInt64|BigUint64)Array)$/;

/** Tells whether values of a type may be bytes: itself, one of its parts, or what it is derived from. */
function mayBeBytes(type, checker) {
  if ((type.flags & ts.TypeFlags.Any) !== 0) return true;
  if (type.isUnionOrIntersection()) return type.types.some((part) => mayBeBytes(part, checker));
  const constraint = type.isTypeParameter() ? checker.getBaseConstraintOfType(type) : undefined;
  if (constraint !== undefined) return mayBeBytes(constraint, checker);
  if (refused.test(type.getSymbol()?.getName() ?? "")) return true;
  return (type.getBaseTypes?.() ?? []).some((base) => mayBeBytes(base, checker));
}

/** The object whose `slice` a node names; undefined where it names none. */
function slicedBy(node) {
  if (ts.isPropertyAccessExpression(node) && node.name.text === "slice") return node.expression;
  if (!ts.isElementAccessExpression(node) || !ts.isStringLiteral(node.argumentExpression)) {
    return undefined;
  }
  return node.argumentExpression.text === "slice" ? node.expression : undefined;
}

/** Tells whether the line in front of a node gives a reason for it. */
function isExplained(node, file) {
  const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
  const lines = file.text.split("\n");
  return lines[line - 1]?.includes("no-slice-on-bytes: ") === true;
}

/** The lines of a file that call `slice` on what may be bytes. */
function faultsOf(file, checker) {
  const faults = [];
  const look = (node) => {
    const object = slicedBy(node);
    const isFault =
      object !== undefined &&
      mayBeBytes(checker.getTypeAtLocation(object), checker) &&
      !isExplained(node, file);
    if (isFault) faults.push(file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1);
    ts.forEachChild(node, look);
  };
  look(file);
  return faults.map((line) => `${relative(root, file.fileName)}:${line}`);
}

/** What a project of TypeScript's is made of. @param config Its tsconfig, from the root. */
function projectOf(config) {
  return ts.getParsedCommandLineOfConfigFile(
    `${root}/${config}`,
    { noEmit: true, composite: false, incremental: false },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: console.error },
  );
}

// One program, since types of both are the same: that of the adapters, which import the core.
const { fileNames: ofAdapters, options } = projectOf("tsconfig/adapters.json");
const fileNames = [...projectOf("tsconfig/src.json").fileNames, ...ofAdapters];
const program = ts.createProgram(fileNames, options);
const checker = program.getTypeChecker();
const faults = fileNames.flatMap((name) => faultsOf(program.getSourceFile(name), checker));
for (const fault of faults) {
  console.error(
    `${fault}: slice() is no copy where the bytes are a Buffer: copyOf() of src/bytes.ts copies, subarray() does not.`,
  );
}
process.exitCode = faults.length > 0 ? 1 : 0;
