/**
 * Leaves out the texts of errors: messages are not API here, codes are.
 *
 * A text is the first argument of an error that has no code (`new TypeError("...")`), or a property called `message`, with
 * the object around it where that has no other.
 */

const withoutCode = ["Error", "TypeError", "RangeError", "ProxyError"];

/** @param {any} node */
function isMessage(node) {
  return node.type === "ObjectProperty" && node.key.name === "message";
}

export const strykerPlugins = [
  {
    kind: "Ignore",
    name: "messages",
    value: {
      /** @param {any} path A node of the syntax tree, as Babel has it. */
      shouldIgnore({ node, parent, key, listKey }) {
        const isFirst = listKey === "arguments" && key === 0 && parent.type === "NewExpression";
        if (isFirst && withoutCode.includes(parent.callee.name)) return "text of an error";
        const properties = node.type === "ObjectExpression" ? node.properties : [node];
        if (properties.length === 1 && isMessage(properties[0])) return "text of an error";
        return undefined;
      },
    },
  },
];
