import { describe, expect, it } from "vitest";
import {
  AnyWindowBits,
  defaultParameters,
  isWindowBitsDefined,
  MaxLZ77WindowSize,
  type Parameters,
  parametersOption,
  parseAnswer,
  parseOffer,
  windowSize,
} from "../../src/flate/parameters.ts";
import { type Option, parseOptions, selectOptions, writeOptions } from "../../src/http/option.ts";

const nothing: Parameters = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: 0,
  clientMaxWindowBits: 0,
};

function option(text: string): Option {
  return parseOptions(text)![0]!;
}

const legal: [text: string, parameters: Partial<Parameters>][] = [
  ["permessage-deflate", {}],
  ["permessage-deflate; server_no_context_takeover", { serverNoContextTakeover: true }],
  ["permessage-deflate; client_no_context_takeover", { clientNoContextTakeover: true }],
  ["permessage-deflate; server_max_window_bits=8", { serverMaxWindowBits: 8 }],
  ["permessage-deflate; client_max_window_bits=15", { clientMaxWindowBits: 15 }],
  [
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=12",
    {
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
      serverMaxWindowBits: 10,
      clientMaxWindowBits: 12,
    },
  ],
];

describe("parameters", () => {
  it.each(legal)(
    "are read from %j in an offer and in an answer, and written back",
    (text, expected) => {
      const parameters = { ...nothing, ...expected };
      expect(parseOffer(option(text))).toEqual(parameters);
      expect(parseAnswer(option(text))).toEqual(parameters);
      expect(writeOptions([parametersOption(parameters)])).toBe(text);
    },
  );

  it("may come in any order", () => {
    const text = "permessage-deflate; client_max_window_bits=9; server_no_context_takeover";
    expect(parseOffer(option(text))).toEqual({
      ...nothing,
      clientMaxWindowBits: 9,
      serverNoContextTakeover: true,
    });
  });

  it("may be quoted", () => {
    const [quoted] = selectOptions('permessage-deflate; client_max_window_bits="10"')!;
    expect(parseOffer(quoted!)).toEqual({ ...nothing, clientMaxWindowBits: 10 });
  });

  it("may omit the client's window, but only in an offer", () => {
    const text = "permessage-deflate; client_max_window_bits";
    const parameters = { ...nothing, clientMaxWindowBits: AnyWindowBits };
    expect(parseOffer(option(text))).toEqual(parameters);
    expect(parseAnswer(option(text))).toBeUndefined();
    expect(writeOptions([parametersOption(parameters)])).toBe(text);
  });

  it.each([
    "x-webkit-deflate-frame",
    "Permessage-Deflate",
    "permessage-deflate; unknown",
    "permessage-deflate; constructor",
    "permessage-deflate; __proto__; a=1",
    "permessage-deflate; server_no_context_takeover=1",
    "permessage-deflate; client_no_context_takeover=true",
    "permessage-deflate; server_max_window_bits",
    "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
    "permessage-deflate; client_max_window_bits; client_max_window_bits",
    "permessage-deflate; client_max_window_bits=9; client_max_window_bits=9",
    ...[
      "7",
      "16",
      "010",
      "08",
      "+9",
      "-9",
      "9.0",
      "1e1",
      "0",
      "ten",
      "99999999999999999999",
    ].flatMap((bits) => [
      `permessage-deflate; server_max_window_bits=${bits}`,
      `permessage-deflate; client_max_window_bits=${bits}`,
    ]),
  ])("are refused in %j", (text) => {
    const [parsed] = selectOptions(text, { anyValue: true })!;
    expect(parseOffer(parsed!)).toBeUndefined();
    expect(parseAnswer(parsed!)).toBeUndefined();
  });

  it("are refused with an empty value", () => {
    const empty: Option = {
      name: "permessage-deflate",
      parameters: [["server_max_window_bits", ""]],
    };
    expect(parseOffer(empty)).toBeUndefined();
  });

  it.each<Partial<Parameters>>([
    { serverMaxWindowBits: 7 },
    { serverMaxWindowBits: AnyWindowBits },
    { clientMaxWindowBits: 16 },
    { clientMaxWindowBits: 9.5 },
  ])("are not written with an invalid window: %o", (wrong) => {
    expect(() => parametersOption({ ...nothing, ...wrong })).toThrow(RangeError);
  });

  it("have gobwas's defaults: no side keeps its window", () => {
    expect(writeOptions([parametersOption(defaultParameters)])).toBe(
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    );
  });
});

describe("window bits", () => {
  it("say whether they are given, and how many bytes they mean", () => {
    expect([0, 8, 15].map(isWindowBitsDefined)).toEqual([false, true, true]);
    expect([8, 9, 15].map(windowSize)).toEqual([256, 512, MaxLZ77WindowSize]);
  });
});
