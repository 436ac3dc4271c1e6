/**
 * Leaves out the texts of errors: messages are not API here, codes are.
 *
 * A text is the first argument of an error that has no code (`new TypeError("...")`), or a property called `message`.
 */

const withoutCode = ["TypeError", "RangeError", "ProxyError"];

export const strykerPlugins = [
  {
    kind: "Ignore",
    name: "messages",
    value: {
      /** @param {any} path A node of the syntax tree, as Babel has it. */
      shouldIgnore({ node, parent, key, listKey }) {
        const isFirst = listKey === "arguments" && key === 0 && parent.type === "NewExpression";
        if (isFirst && withoutCode.includes(parent.callee.name)) return "text of an error";
        if (node.type === "ObjectProperty" && node.key.name === "message")
          return "text of an error";
        return undefined;
      },
    },
  },
];
