import process from "node:process";
import { describe, expect, it } from "vitest";
import * as bun from "../../adapters/bun/index.ts";
import * as deno from "../../adapters/deno/index.ts";
import * as node from "../../adapters/node/index.ts";
import { otherRuntimeError } from "../../adapters/own-runtime.ts";
import { runtime } from "../support/runtime.ts";

/** How a runtime is called in messages. */
const title = { node: `Node ${process.versions.node}`, deno: "Deno", bun: "Bun" }[runtime];

const foreign = [
  ["Deno", deno],
  ["Bun", bun],
] as const;

const options = { hostname: "127.0.0.1", port: 1 };

describe(`an entry of another runtime, on ${runtime}`, () => {
  it.each(foreign.filter(([name]) => name.toLowerCase() !== runtime))(
    "of %s says what to import instead, whatever is called",
    async (name, entry) => {
      const message =
        `framewire/${name.toLowerCase()} is for ${name}, and this is ${title}: ` +
        `import framewire/${runtime}, or framewire/auto, which takes the right one by itself`;
      for (const call of [
        () => entry.serve({ port: 0 }, {}),
        () => entry.listen({ port: 0 }),
        () => entry.connect("ws://127.0.0.1:1/"),
        () => entry.dial("ws://127.0.0.1:1/"),
        () => entry.connectStream(options),
      ]) {
        await expect(call()).rejects.toThrow(new TypeError(message));
      }
    },
  );

  it.each(foreign.filter(([name]) => name.toLowerCase() === runtime))(
    "of %s is no other one",
    (name) => {
      expect(otherRuntimeError(name)).toBeUndefined();
    },
  );

  it("of Node works on all three runtimes", async () => {
    await using server = await node.serve({ port: 0 }, {});
    expect(server.port).toBeGreaterThan(0);
  });
});
