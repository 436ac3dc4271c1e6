import { describe, expect, it } from "vitest";
import { type DenoConn, DenoTransport } from "../../../adapters/deno/transport.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { macrotask } from "../../support/turns.ts";

type Read = number | null | Error;

/** A connection whose reads and writes are told by a test, and a transport over it; both write down what they see. */
class Fake implements DenoConn {
  readonly remoteAddr = { hostname: "192.0.2.1", port: 80 };
  readonly localAddr = { hostname: "192.0.2.2", port: 4711 };
  readonly lines: string[] = [];
  readonly reads: { into: Uint8Array; settle: (result: Read) => void }[] = [];
  writes: (number | Error)[] = [];
  closeWriteError: Error | undefined;

  static open(): { fake: Fake; transport: DenoTransport } {
    const fake = new Fake();
    const transport = new DenoTransport(fake);
    transport.handler = {
      onData: (chunk) => fake.lines.push(`onData ${chunk.length}`),
      onDrain: () => fake.lines.push("onDrain"),
      onEnd: () => fake.lines.push("onEnd"),
      onClose: (error) => fake.lines.push(`onClose ${error?.message ?? ""}`.trimEnd()),
    };
    return { fake, transport };
  }

  read(into: Uint8Array): Promise<number | null> {
    const { promise, resolve, reject } = newDeferred<number | null>();
    const settle = (result: Read): void => {
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    this.reads.push({ into, settle });
    return promise;
  }

  /** Answers the read that is under way. */
  async answer(result: Read | ((into: Uint8Array) => Read)): Promise<void> {
    const { into, settle } = this.reads.shift()!;
    settle(typeof result === "function" ? result(into) : result);
    await macrotask();
  }

  async write(bytes: Uint8Array): Promise<number> {
    this.lines.push(`write ${bytes.length}`);
    const result = this.writes.shift() ?? bytes.length;
    if (result instanceof Error) throw result;
    return result;
  }

  async closeWrite(): Promise<void> {
    this.lines.push("closeWrite");
    if (this.closeWriteError !== undefined) throw this.closeWriteError;
  }

  close(): void {
    this.lines.push("close");
  }
}

describe("DenoTransport", () => {
  it("writes what a write has left, and ends after it", async () => {
    const { fake, transport } = Fake.open();
    fake.writes = [3, 4];
    expect(transport.write(new Uint8Array(10))).toBe(false);
    transport.end();
    transport.end();
    await macrotask();
    expect(fake.lines).toEqual(["write 10", "write 7", "write 3", "closeWrite", "onDrain"]);
    expect(transport.write(new Uint8Array(1))).toBe(true);
    await fake.answer(null);
    expect(fake.lines.slice(5)).toEqual(["onEnd", "close", "onClose"]);
  });

  it("grows its buffer under load and shrinks it again", async () => {
    const { fake } = Fake.open();
    const sizes: number[] = [];
    for (let i = 0; i < 6; i++) {
      await fake.answer((into) => {
        sizes.push(into.length);
        return into.length;
      });
    }
    for (let i = 0; i < 65; i++) await fake.answer(1);
    sizes.push(fake.reads[0]!.into.length);
    expect(sizes).toEqual([1024, 4096, 16_384, 65_536, 262_144, 262_144, 1024]);
  });

  it("keeps the bytes of a read back while it is paused", async () => {
    const { fake, transport } = Fake.open();
    transport.pause();
    await fake.answer(5);
    expect(fake.lines).toEqual([]);
    transport.resume();
    await macrotask();
    expect(fake.lines).toEqual(["onData 5"]);
  });

  it("takes an end without close_notify as an end", async () => {
    const { fake, transport } = Fake.open();
    await fake.answer(Object.assign(new Error("eof"), { name: "UnexpectedEof" }));
    transport.end();
    await macrotask();
    expect(fake.lines).toEqual(["onEnd", "closeWrite", "close", "onClose"]);
  });

  it("closes with the error of a read, of a write or of its end", async () => {
    const reading = Fake.open().fake;
    await reading.answer(new Error("reset"));
    expect(reading.lines).toEqual(["close", "onClose reset"]);
    const writing = Fake.open();
    writing.fake.writes = [new Error("pipe")];
    writing.transport.write(new Uint8Array(1));
    await macrotask();
    await writing.fake.answer(new Error("interrupted"));
    expect(writing.fake.lines).toEqual(["write 1", "close", "onClose pipe"]);
    const ending = Fake.open();
    ending.fake.closeWriteError = new Error("not connected");
    ending.transport.end();
    await macrotask();
    expect(ending.fake.lines).toEqual(["closeWrite", "close", "onClose not connected"]);
  });

  it("is encrypted if its connection can do a TLS handshake", () => {
    expect(Fake.open().transport.encrypted).toBe(false);
    const secure = Object.assign(new Fake(), { handshake: async () => ({ alpnProtocol: null }) });
    expect(new DenoTransport(secure).encrypted).toBe(true);
  });

  it("knows of TLS what its handshake told", () => {
    expect(Fake.open().transport.tls).toBeUndefined();
    const secure = Object.assign(new Fake(), { handshake: async () => ({ alpnProtocol: null }) });
    const unknown = {
      alpnProtocol: undefined,
      serverName: undefined,
      version: undefined,
      authorized: undefined,
      peerCertificate: undefined,
    };
    expect(new DenoTransport(secure).tls).toEqual(unknown);
    const transport = new DenoTransport(secure, { handshake: { alpnProtocol: "http/1.1" } });
    expect(transport.tls).toEqual({ ...unknown, alpnProtocol: "http/1.1" });
  });

  it("is closed at once with destroy(), whatever is under way", async () => {
    const { fake, transport } = Fake.open();
    transport.write(new Uint8Array(1));
    transport.destroy();
    transport.destroy();
    transport.end();
    expect(fake.lines).toEqual(["write 1", "close"]);
    await fake.answer(5);
    expect(fake.lines).toEqual(["write 1", "close", "onClose"]);
    expect(transport.write(new Uint8Array(1))).toBe(true);
    expect([transport.remoteAddress, transport.remotePort]).toEqual(["192.0.2.1", 80]);
    expect([transport.localAddress, transport.localPort]).toEqual(["192.0.2.2", 4711]);
  });
});
