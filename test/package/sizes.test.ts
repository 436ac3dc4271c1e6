import { describe, expect, it } from "vitest";
import { bundle, bundles, gzipSize, readBudgets } from "../../scripts/sizes.mjs";

/** Sizes are bytes of a minified bundle under gzip; `npm run sizes -- --write` sets the budgets of sizes.json anew. */

const budgets = readBudgets();

describe("the size of a bundle", () => {
  it("has a budget for each bundle, and for nothing else", () => {
    expect(Object.keys(budgets)).toEqual(Object.keys(bundles));
  });

  it.each(Object.entries(bundles))(
    "of %s is within its budget, and not far below",
    async (...[name, source]) => {
      const size = await gzipSize(source);
      expect(size).toBeLessThanOrEqual(budgets[name]!);
      expect(size).toBeGreaterThan(budgets[name]! * 0.9);
    },
  );

  it("is below 19.1 kB for what a server needs beside its socket and DEFLATE", async () => {
    expect(await gzipSize(bundles["server core, without its socket"]!)).toBeLessThan(19_100);
  });
});

describe("the standard's class", () => {
  it("adds less than 10 kB to a client of the same runtime", async () => {
    const client = await gzipSize('export { connect } from "framewire/node";');
    expect((await gzipSize(bundles["framewire/websocket"]!)) - client).toBeLessThan(10_000);
  });
});

describe("a bundle of the header codec", () => {
  it("holds the codec, the functions for its bytes, its checks and errors, and nothing else", async () => {
    const text = new TextDecoder().decode(await bundle(bundles["header codec"]!, false));
    const names = Array.from(
      text.matchAll(/^(?:var|let|const|function|class) (\w+)/gm),
      ([, name]) => name,
    );
    expect(names.sort()).toEqual([
      "MinHeaderSize",
      "ProtocolError",
      "StatusInvalidFramePayloadData",
      "StatusMessageTooBig",
      "StatusProtocolError",
      "checkBytes",
      "checkMaskKey",
      "checkOpcode",
      "checkSpan",
      "checkWhole",
      "decodeHeader",
      "decodeHeaderRange",
      "encodeHeader",
      "encodeHeaderAt",
      "headerSize",
      "isBytes",
      "kindOf",
      "lengthEnd",
      "readKey",
      "readLength64",
      "readUint16",
      "readUint32",
      "violations",
      "writeKey",
      "writeUint16",
      "writeUint32",
      "wrongType",
      "wrongValue",
    ]);
  });
});
