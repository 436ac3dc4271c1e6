import { describe, expect, it } from "vitest";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { encodeUtf8 } from "../../src/bytes.ts";
import { type State, StateClientSide, StateServerSide } from "../../src/frame/check.ts";
import { type CompressionOptions, PermessageDeflate } from "../../src/flate/permessage-deflate.ts";
import { FlateSession } from "../../src/flate/session.ts";
import { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import { newHeader } from "../../src/frame/header.ts";
import { OpText } from "../../src/frame/opcode.ts";
import { type Option, parseOptions, writeOptions } from "../../src/http/option.ts";
import { StoreEngine } from "./store-engine.ts";

const hello = encodeUtf8("Hello");

function newExtension(options: CompressionOptions = {}): PermessageDeflate {
  return new PermessageDeflate({ engine: zlibEngine(), ...options });
}

function option(parameters: string): Option {
  return parseOptions(`permessage-deflate${parameters === "" ? "" : "; "}${parameters}`)![0]!;
}

function text(answer: Option | undefined): string | undefined {
  return answer && writeOptions([answer]).replace(/^permessage-deflate(; )?/, "");
}

/** What a side asks its engine for in two messages each way that follow `agreed`. */
function contextsOf(options: CompressionOptions, agreed: string, side: State): string[] {
  const engine = new StoreEngine();
  const session = newExtension({ ...options, engine }).open(option(agreed), side)!;
  for (let round = 0; round < 2; round++) {
    const message = { opcode: OpText, size: undefined, compress: true, cache: undefined };
    const into = new BoundedBuffer();
    session.send!.beginMessage!(message)!.write(hello, 0, hello.length, true, into);
    session.recv!.unsetBits({ ...newHeader(OpText), rsv: 4 });
    session.recv!.beginMessage!()!.write(into.bytes, 0, into.size, true, new BoundedBuffer());
  }
  return engine.lines;
}

describe("PermessageDeflate with an engine that does not work", () => {
  it("is neither offered nor accepted, and asks the engine only when needed", () => {
    const asked: string[] = [];
    const engine = Object.assign(new StoreEngine(), {
      isUsable: () => {
        asked.push("isUsable");
        return false;
      },
    });
    const extension = newExtension({ engine });
    expect(asked).toEqual([]);
    expect(extension.offers).toEqual([]);
    expect(extension.accept(option(""))).toBeUndefined();
    expect(asked).toEqual(["isUsable", "isUsable"]);
  });

  it("is offered and accepted if the engine works, or does not say", () => {
    for (const engine of [new StoreEngine(), zlibEngine()]) {
      const extension = newExtension({ engine });
      expect(extension.offers).toHaveLength(1);
      expect(extension.accept(option(""))).toBeDefined();
    }
  });
});

describe("PermessageDeflate on a server", () => {
  it.each<[offer: string, options: CompressionOptions, answer: string | undefined]>([
    // What browsers offer.
    ["client_max_window_bits", {}, "server_max_window_bits=13; client_max_window_bits=13"],
    ["", {}, "server_max_window_bits=13"],
    ["server_max_window_bits=10", {}, "server_max_window_bits=10"],
    ["server_max_window_bits=8", {}, "server_max_window_bits=8"],
    ["server_max_window_bits=15", { serverMaxWindowBits: 15 }, "server_max_window_bits=15"],
    [
      "client_max_window_bits=9",
      { serverNoContextTakeover: true, clientNoContextTakeover: true },
      "server_no_context_takeover; client_no_context_takeover; server_max_window_bits=13; client_max_window_bits=9",
    ],
    ["server_max_window_bits=7", {}, undefined],
    ["unknown", {}, undefined],
  ])("answers %j with %o by %j", (offer, options, answer) => {
    expect(text(newExtension(options).accept(option(offer)))).toBe(answer);
  });
});

describe("PermessageDeflate that is agreed to", () => {
  it.each<[options: CompressionOptions, agreed: string, deflater: number, inflater: number]>([
    [{}, "", 13, 15],
    [{}, "server_max_window_bits=10; client_max_window_bits=12", 12, 10],
    [{ clientMaxWindowBits: 9 }, "", 9, 15],
    [{ clientMaxWindowBits: 9 }, "client_max_window_bits=12", 9, 15],
    [{ clientMaxWindowBits: 12 }, "client_max_window_bits=9", 9, 15],
  ])(
    "gives a client with the options %o the windows of %j",
    (options, agreed, deflater, inflater) => {
      const lines = [`deflater ${deflater} 1 6`, `inflater ${inflater}`];
      expect(contextsOf(options, agreed, StateClientSide)).toEqual(lines);
    },
  );

  it.each<[options: CompressionOptions, agreed: string, deflater: number, inflater: number]>([
    [{}, "", 15, 15],
    [{ clientMaxWindowBits: 9 }, "server_max_window_bits=10", 10, 15],
    [{}, "server_max_window_bits=10; client_max_window_bits=12", 10, 12],
  ])(
    "gives a server with the options %o the windows of %j and nothing else",
    (options, agreed, ...windows) => {
      const lines = [`deflater ${windows[0]} 1 6`, `inflater ${windows[1]}`];
      expect(contextsOf(options, agreed, StateServerSide)).toEqual(lines);
    },
  );

  it.each<[options: CompressionOptions, agreed: string]>([
    [{ clientNoContextTakeover: true }, ""],
    [{}, "client_no_context_takeover"],
  ])("lets a client with the options %o keep no window after %j", (options, agreed) => {
    const made = ["deflater 13 1 6", "reset 1", "inflater 15", "reset 1"];
    expect(contextsOf(options, agreed, StateClientSide)).toEqual(made);
  });
});

describe("PermessageDeflate on a client", () => {
  it.each<[options: CompressionOptions, offers: string[]]>([
    [{}, ["client_max_window_bits"]],
    [{ clientMaxWindowBits: 9, level: 9 }, ["client_max_window_bits"]],
    [
      { serverMaxWindowBits: 10 },
      ["server_max_window_bits=10; client_max_window_bits", "client_max_window_bits"],
    ],
    [
      { serverNoContextTakeover: true, clientNoContextTakeover: true },
      ["server_no_context_takeover; client_no_context_takeover; client_max_window_bits"],
    ],
  ])("with %o offers %j", (options, offers) => {
    expect(newExtension(options).offers.map(text)).toEqual(offers);
  });

  it.each<[options: CompressionOptions, answer: string]>([
    [{}, ""],
    [{}, "server_no_context_takeover; client_no_context_takeover"],
    [{}, "server_max_window_bits=8; client_max_window_bits=8"],
    [{ serverMaxWindowBits: 10 }, "server_max_window_bits=9"],
    // To the second offer, which does not ask for it.
    [{ serverMaxWindowBits: 10 }, "server_max_window_bits=15"],
    [{ serverNoContextTakeover: true }, "server_no_context_takeover"],
  ])("with %o takes the answer %j", (options, answer) => {
    const session = newExtension(options).open(option(answer), StateClientSide);
    expect(session).toBeInstanceOf(FlateSession);
    session!.close!();
  });

  it.each<[options: CompressionOptions, answer: string]>([
    [{}, "client_max_window_bits"],
    [{}, "server_max_window_bits=16"],
    [{}, "server_max_window_bits=07"],
    [{}, "junk"],
    [{ serverNoContextTakeover: true }, ""],
  ])("with %o refuses the answer %j", (options, answer) => {
    expect(newExtension(options).open(option(answer), StateClientSide)).toBeUndefined();
  });
});

describe("PermessageDeflate's options", () => {
  it("need an engine", () => {
    expect(() => new PermessageDeflate({})).toThrow("zlibEngine()");
  });

  it.each<CompressionOptions>([
    { serverMaxWindowBits: 7 },
    { serverMaxWindowBits: 16 },
    { clientMaxWindowBits: 0 },
    { clientMaxWindowBits: 9.5 },
    { level: -1 },
    { level: 10 },
    { memLevel: 0 },
    { memLevel: 10 },
    { threshold: -1 },
    { threshold: NaN },
    { maxMemory: -1 },
    { idleTimeout: 0.5 },
  ])("are refused out of their ranges: %o", (options) => {
    const [name] = Object.keys(options);
    expect(() => newExtension(options)).toThrow(new RegExp(`^${name} must be`));
  });

  it("take 0 and Infinity for no limit", () => {
    for (const limit of [0, Infinity]) {
      expect(newExtension({ maxMemory: limit, idleTimeout: limit, threshold: limit }).memory).toBe(
        0,
      );
    }
  });

  it("open no session for an invalid answer of a server", () => {
    expect(newExtension().open(option("junk"), StateServerSide)).toBeUndefined();
  });
});
