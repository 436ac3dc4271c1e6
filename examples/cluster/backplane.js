import { Buffer } from "node:buffer";
import process from "node:process";

/**
 * What goes between parent and children: the topic, and the envelope in base64, since not every channel carries bytes.
 *
 * @typedef {{ topic: string, envelope: string }} Letter
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
      const onLetter = ({ topic, envelope }) => {
        if (wanted.has(topic)) member.deliver(topic, Buffer.from(envelope, "base64"));
      };
      process.on("message", onLetter);
      return {
        publish(topic, envelope) {
          process.send?.({ topic, envelope: Buffer.from(envelope).toString("base64") });
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
