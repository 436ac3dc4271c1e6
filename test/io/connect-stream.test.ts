import { describe, expect, it } from "vitest";
import { memoryPair } from "../../adapters/memory/index.ts";
import { connectStreamOn } from "../../src/io/connect-stream.ts";
import { TransportStream } from "../../src/io/transport-stream.ts";
import type { Connect } from "../../src/transport.ts";

describe("connectStreamOn()", () => {
  it("gives a stream over what the adapter has connected", async () => {
    const [ours, theirs] = memoryPair();
    const asked: unknown[] = [];
    const connect: Connect = async (options, attach) => {
      asked.push(options);
      return attach(ours);
    };
    const options = { hostname: "a.example", port: 1, highWaterMark: 8 };
    const stream = await connectStreamOn(connect, options);
    expect(asked).toEqual([options]);
    const peer = new TransportStream(theirs);
    await stream.write(Uint8Array.of(1, 2, 3));
    const into = new Uint8Array(8);
    expect(await peer.read(into)).toBe(3);
    expect([...into.subarray(0, 3)]).toEqual([1, 2, 3]);
  });

  it("fails as connecting does", async () => {
    const failure = new Error("no");
    const connect: Connect = () => Promise.reject(failure);
    const stream = connectStreamOn(connect, { hostname: "a.example", port: 1 });
    await expect(stream).rejects.toBe(failure);
  });

  it("checks where to connect before the adapter does", async () => {
    const connect: Connect = (options) => Promise.reject(new Error(`asked: ${options.path}`));
    const open = (options: object): Promise<unknown> => connectStreamOn(connect, options as never);
    const nowhere = "Give a hostname and a port to connect to, or the path of a Unix socket";
    for (const options of [{}, { port: 1 }, { hostname: "a" }]) {
      await expect(open(options)).rejects.toThrow(new TypeError(nowhere));
    }
    for (const port of [0, 65_536, 1.5, NaN]) {
      await expect(open({ hostname: "a", port })).rejects.toThrow(RangeError);
    }
    await expect(open({ path: "/a.sock" })).rejects.toThrow("asked: /a.sock");
  });
});
