import { describe, expect, it } from "vitest";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { Deadlines } from "../../src/clock.ts";
import { resolveConnectionOptions, resolveExtensions } from "../../src/connection/options.ts";
import type { Engine } from "../../src/flate/engine.ts";
import { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import { StateServerSide } from "../../src/frame/check.ts";
import { newOption } from "../../src/http/option.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { ShiftExtension } from "../support/shift-extension.ts";
import { webText } from "../../src/frame/text-codec.ts";

describe("resolveConnectionOptions()", () => {
  it("fills in defaults that protect a server on the Internet", () => {
    expect(resolveConnectionOptions({})).toEqual({
      highWaterMark: 256 * 1024,
      maxBufferedAmount: 16 * 1024 ** 2,
      receiveHighWaterMark: 64 * 1024,
      closeTimeout: 10_000,
      overflow: "close",
      times: {
        pingInterval: Infinity,
        pongTimeout: Infinity,
        idleTimeout: Infinity,
        maxLifetime: Infinity,
        minProgress: 240,
      },
      trace: undefined,
      messages: {
        maxFrameSize: 16 * 1024 ** 2,
        maxMessageSize: 16 * 1024 ** 2,
        maxFragments: 16_384,
      },
      strictLength: false,
      borrow: false,
      deliverAfterClose: false,
      autoPong: true,
      textAs: "string",
      newBytes: undefined,
      ownBufferSize: 0,
      afterTurn: expect.any(Function) as unknown,
      codec: webText,
    });
  });

  it("refuses borrow together with newBytes", () => {
    const newBytes = (bytes: Uint8Array): Uint8Array => bytes;
    expect(() => resolveConnectionOptions({ borrow: true, newBytes })).toThrow(
      new TypeError(
        "Use either borrow or newBytes: borrowed bytes are not copied, so newBytes would not be called",
      ),
    );
    expect(() => resolveConnectionOptions({ borrow: false, newBytes })).not.toThrow();
  });

  it("uses the runtime's signal that a turn is over, and a timer if there is none", async () => {
    const tasks: (() => void)[] = [];
    const { afterTurn } = resolveConnectionOptions({}, { afterTurn: (task) => tasks.push(task) });
    const task = (): void => {};
    afterTurn(task);
    expect(tasks).toEqual([task]);
    await new Promise<void>((resolve) => resolveConnectionOptions({}).afterTurn(resolve));
  });

  it("uses the runtime's codec of text", () => {
    const codec = { ...webText };
    expect(resolveConnectionOptions({}, { codec }).codec).toBe(codec);
  });

  it("uses the runtime's size up to which separate buffers cost less", () => {
    expect(resolveConnectionOptions({}, { ownBufferSize: 64 }).ownBufferSize).toBe(64);
  });

  it("reads 0 as no limit", () => {
    const settings = resolveConnectionOptions({
      maxBufferedAmount: 0,
      maxMessageSize: 0,
      minProgress: 0,
    });
    expect(settings.maxBufferedAmount).toBe(Infinity);
    expect(settings.messages.maxMessageSize).toBe(Infinity);
    expect(settings.times.minProgress).toBe(Infinity);
  });

  it.each([
    ["highWaterMark", -1],
    ["closeTimeout", Number.NaN],
    ["maxFragments", 1.5],
  ])("refuses %s of %s and names it", (name, value) => {
    expect(() => resolveConnectionOptions({ [name]: value })).toThrow(RangeError);
    expect(() => resolveConnectionOptions({ [name]: value })).toThrow(name);
  });
});

describe("resolveExtensions()", () => {
  const deadlines = new Deadlines(new FakeClock());
  const engine = zlibEngine();
  const other = new ShiftExtension();

  it("gives the given extensions, and permessage-deflate before them if it is wanted", () => {
    expect(resolveExtensions({}, engine, deadlines)).toEqual([]);
    expect(
      resolveExtensions({ extensions: [other], compression: false }, engine, deadlines),
    ).toEqual([other]);
    for (const compression of [true, { level: 9 }]) {
      const resolved = resolveExtensions({ compression, extensions: [other] }, engine, deadlines);
      expect(resolved.map(({ name }) => name)).toEqual(["permessage-deflate", "x-shift"]);
    }
  });

  it("prefers the engine of the options to the runtime's", () => {
    const made: string[] = [];
    const noted = (name: string): Engine => ({
      newDeflater(settings) {
        made.push(name);
        return engine.newDeflater(settings);
      },
      newInflater: (settings) => engine.newInflater(settings),
    });
    for (const compression of [true, { engine: noted("own") }]) {
      const [extension] = resolveExtensions({ compression }, noted("runtime's"), deadlines);
      const agreed = extension!.accept(newOption("permessage-deflate"))!;
      const session = extension!.open(agreed, StateServerSide)!;
      const message = { opcode: 1, size: 100, compress: true, cache: undefined };
      session.send!.beginMessage!(message)!.write(
        new Uint8Array(100),
        0,
        100,
        true,
        new BoundedBuffer(),
      );
      session.close!();
    }
    expect(made).toEqual(["runtime's", "own"]);
  });

  it("refuses to compress without an engine", () => {
    expect(() => resolveExtensions({ compression: true }, undefined, deadlines)).toThrow(TypeError);
  });
});
