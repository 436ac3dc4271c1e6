import { Buffer } from "node:buffer";
import process from "node:process";
import { prepareMessage } from "framewire";

/**
 * What goes between parent and children: text as it is, bytes in base64, since not every channel carries bytes.
 *
 * @typedef {{ topic: string, text?: string, base64?: string }} Letter
 */

/**
 * For a child: carries its server's publications to the parent, and those of the others to its server.
 *
 * @returns {import("framewire").Backplane}
 */
export function parentBackplane() {
  return {
    join(member) {
      /** @type {Set<string>} */
      const wanted = new Set();
      /** @param {Letter} letter */
      const onLetter = ({ topic, text, base64 = "" }) => {
        if (!wanted.has(topic)) return;
        const message = prepareMessage(text ?? Buffer.from(base64, "base64"));
        member.deliver({ topic, message });
      };
      process.on("message", onLetter);
      return {
        publish({ topic, message: { opcode, bytes } }) {
          const coded = Buffer.from(bytes);
          process.send?.(
            opcode === 1
              ? { topic, text: coded.toString("utf8") }
              : { topic, base64: coded.toString("base64") },
          );
        },
        subscribe: (topic) => void wanted.add(topic),
        unsubscribe: (topic) => void wanted.delete(topic),
        leave: () => void process.off("message", onLetter),
      };
    },
  };
}

/**
 * For the parent: passes what a child publishes on to all others.
 *
 * @param {Letter} letter
 * @param {{ connected: boolean, send(letter: Letter): unknown }} from
 * @param {Iterable<{ connected: boolean, send(letter: Letter): unknown }>} children
 */
export function relay(letter, from, children) {
  for (const child of children) if (child !== from && child.connected) child.send(letter);
}
