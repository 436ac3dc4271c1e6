/**
 * Rules of this house that no linter has, by the shape of what they refuse.
 */

/** Makes a rule that refuses all that matches a selector. */
function refuse(selector, message) {
  return {
    meta: { type: "problem", schema: [] },
    create: (context) => ({
      [selector]: (node) => {
        context.report({ node, message });
      },
    }),
  };
}

export default {
  meta: { name: "house" },
  rules: {
    "named-exports": refuse("ExportDefaultDeclaration", "Exports have names."),
    "no-export-all": refuse("ExportAllDeclaration", "An index names what it exports."),
    "no-enum": refuse(
      "TSEnumDeclaration",
      "Constants, not enums: the sources run under type stripping.",
    ),
    "no-can-parse": refuse(
      "MemberExpression[object.name='URL'][property.name='canParse']",
      "On Node 20 it says no to what is no ASCII, once it is hot: use parsedUrl().",
    ),
    "hash-private": refuse(
      ":matches(PropertyDefinition, MethodDefinition)[accessibility=/private|public/]",
      "What is private has a #name; everything else is public, and need not say so.",
    ),
    "function-declarations": refuse(
      ":matches(Program, ExportNamedDeclaration) > VariableDeclaration > VariableDeclarator > ArrowFunctionExpression",
      "A function of a module is declared as one.",
    ),
  },
};
