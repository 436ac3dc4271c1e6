/**
 * A rule of lint: nobody calls `slice` on bytes. A `Buffer` of Node's is a Uint8Array whose `slice` gives a view, on all three
 * runtimes, so that what looks like a copy changes with what the caller does next. `copyOf` of src/bytes.ts copies, whatever
 * it is given; `subarray` and `viewOf` say that they do not.
 *
 * It asks for types: strings and arrays have a `slice` that is right.
 */

import ts from "typescript";

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

export const noSliceOnBytes = {
  meta: {
    type: "problem",
    messages: {
      slice:
        "slice() is no copy where the bytes are a Buffer: copyOf() of src/bytes.ts copies, subarray() does not.",
    },
    schema: [],
  },
  create(context) {
    const services = context.sourceCode.parserServices;
    const checker = services.program.getTypeChecker();
    return {
      MemberExpression(node) {
        const name = node.computed ? node.property.value : node.property.name;
        if (name !== "slice") return;
        if (!mayBeBytes(services.getTypeAtLocation(node.object), checker)) return;
        context.report({ node: node.property, messageId: "slice" });
      },
    };
  },
};
