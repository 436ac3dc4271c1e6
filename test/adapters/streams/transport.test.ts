import { describe, expect, it } from "vitest";
import { StreamsTransport } from "../../../adapters/streams/transport.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { macrotask } from "../../support/turns.ts";

/** A transport over streams whose other ends a test holds; all that happens is written down. */
function open({ highWaterMark = 1 }: { readonly highWaterMark?: number } = {}) {
  let sink!: WritableStreamDefaultController;
  const lines: string[] = [];
  let source!: ReadableStreamDefaultController<unknown>;
  const taken: ReturnType<typeof newDeferred<void>>[] = [];
  const written: Uint8Array[] = [];
  let closing: () => Promise<void> = () => Promise.resolve();
  const transport = new StreamsTransport(
    {
      readable: new ReadableStream<unknown>(
        {
          start(controller) {
            source = controller;
          },
          pull: () => void lines.push("pull"),
          cancel: () => void lines.push("cancel"),
        },
        { highWaterMark: 0 },
      ),
      writable: new WritableStream<Uint8Array>(
        {
          start(controller) {
            sink = controller;
          },
          write(chunk) {
            written.push(chunk);
            lines.push(`write ${chunk.length}`);
            const turn = newDeferred<void>();
            taken.push(turn);
            return turn.promise;
          },
          close() {
            lines.push("end");
            return closing();
          },
          abort: () => void lines.push("abort"),
        },
        { highWaterMark },
      ),
      close: () => void lines.push("close"),
    },
    { remoteAddress: "192.0.2.1", remotePort: 80, localAddress: "192.0.2.2", localPort: 443 },
  );
  transport.handler = {
    onData: (chunk) => lines.push(`onData ${chunk.length}`),
    onDrain: () => lines.push("onDrain"),
    onEnd: () => lines.push("onEnd"),
    onClose: (error) => lines.push(`onClose ${error?.message ?? ""}`.trimEnd()),
  };
  return {
    transport,
    lines,
    source,
    sink,
    taken,
    written,
    /** What happens when the writable stream is closed. */
    set closing(task: () => Promise<void>) {
      closing = task;
    },
    /** What was seen since the last call. */
    async seen(): Promise<string[]> {
      await macrotask();
      await macrotask();
      return lines.splice(0);
    },
  };
}

describe("what a StreamsTransport knows", () => {
  it("is what the transport was given", () => {
    const { transport } = open();
    expect(transport).toMatchObject({
      remoteAddress: "192.0.2.1",
      remotePort: 80,
      localAddress: "192.0.2.2",
      localPort: 443,
      encrypted: false,
      tls: undefined,
    });
  });

  it("does not include a stream that other code reads", () => {
    const { readable, writable } = new TransformStream();
    readable.getReader();
    expect(() => new StreamsTransport({ readable, writable })).toThrow(TypeError);
  });
});

describe("reading", () => {
  it("passes chunks on, and asks for no more while it is paused", async () => {
    const { transport, source, seen } = open();
    expect(await seen()).toEqual(["pull"]);
    transport.pause();
    source.enqueue(new Uint8Array(3)); // it was asked for
    expect(await seen()).toEqual([]);
    transport.resume();
    expect(await seen()).toEqual(["onData 3", "pull"]);
  });

  it("stops when the handler pauses in the middle", async () => {
    const { transport, source, lines, seen } = open();
    transport.handler.onData = (chunk) => {
      lines.push(`onData ${chunk.length}`);
      transport.pause();
      transport.pause();
    };
    await seen();
    source.enqueue(new Uint8Array(1));
    source.enqueue(new Uint8Array(2));
    expect(await seen()).toEqual(["onData 1"]);
    transport.resume();
    expect(await seen()).toEqual(["onData 2"]);
  });

  it.each<[string, unknown, number]>([
    ["an ArrayBuffer", Uint8Array.of(1, 2, 3).buffer, 3],
    ["a view of another kind", new DataView(Uint8Array.of(1, 2, 3, 4).buffer, 1, 2), 2],
    ["a subclass", new (class extends Uint8Array {})(5), 5],
  ])("makes a plain Uint8Array of %s", async (_, chunk, size) => {
    const { transport, source } = open();
    const got = new Promise<Uint8Array>((resolve) => {
      transport.handler.onData = resolve;
    });
    source.enqueue(chunk);
    const bytes = await got;
    expect(bytes.constructor).toBe(Uint8Array);
    expect(bytes.length).toBe(size);
  });

  it("skips empty chunks", async () => {
    const { source, seen } = open();
    await seen();
    source.enqueue(new Uint8Array(0));
    source.enqueue(new Uint8Array(1));
    expect(await seen()).toEqual(["onData 1", "pull"]);
  });

  it("fails if a chunk is no bytes", async () => {
    const { source, seen } = open();
    await seen();
    source.enqueue("text");
    expect(await seen()).toEqual([
      "cancel",
      "abort",
      "close",
      "onClose Chunks of the readable stream must be bytes: string",
    ]);
  });

  it.each<[string, unknown, string]>([
    ["an error", new Error("reset"), "reset"],
    ["something else", "gone", "gone"],
  ])("reports %s that breaks the stream, once", async (_, reason, text) => {
    const { source, transport, seen } = open();
    await seen();
    source.error(reason);
    expect(await seen()).toEqual(["abort", "close", `onClose ${text}`]);
    transport.destroy();
    transport.end();
    expect(transport.write(new Uint8Array(1))).toBe(true);
    expect(await seen()).toEqual([]);
  });
});

describe("writing", () => {
  it("gives copies, one at a time while the stream takes no more", async () => {
    const { transport, taken, written, seen } = open();
    const bytes = Uint8Array.of(1, 2);
    expect(transport.write(bytes)).toBe(false);
    bytes.fill(9);
    expect(await seen()).toEqual(["pull", "write 2"]);
    taken[0]!.resolve();
    expect(await seen()).toEqual(["onDrain"]);
    expect(written).toEqual([Uint8Array.of(1, 2)]);
  });

  it("goes on at once where the stream has room", async () => {
    const { transport } = open({ highWaterMark: 3 });
    const taken = [1, 2, 3].map((size) => transport.write(new Uint8Array(size)));
    expect(taken).toEqual([true, true, false]);
    await macrotask();
  });

  it("reports a failure as the end, and no drain", async () => {
    const { transport, taken, seen } = open();
    transport.write(new Uint8Array(1));
    await seen();
    taken[0]!.reject(new Error("broken pipe"));
    expect(await seen()).toEqual(["cancel", "close", "onClose broken pipe"]);
  });

  it("reports that the stream has failed while a write waits", async () => {
    const { transport, sink, seen } = open();
    expect(transport.write(new Uint8Array(1))).toBe(false);
    await seen();
    // Nobody settles the write: what a stalled peer's reset looks like to a stream that learns of it otherwise.
    sink.error(new Error("reset"));
    expect(await seen()).toEqual(["cancel", "close", "onClose reset"]);
  });

  it("reports that the stream has failed while nothing is written", async () => {
    const { sink, seen } = open();
    await seen();
    sink.error(new Error("reset"));
    expect(await seen()).toEqual(["cancel", "close", "onClose reset"]);
  });

  it("delivers what came before the stream failed, and then the peer's end", async () => {
    const { transport, source, sink, seen } = open();
    await seen();
    transport.pause();
    for (const size of [1, 2, 3]) source.enqueue(new Uint8Array(size));
    source.close();
    sink.error(new Error("not half-open"));
    expect(await seen()).toEqual([]);
    transport.resume();
    expect(await seen()).toEqual(["onData 1", "onData 2", "onData 3", "onEnd"]);
    transport.end();
    expect(await seen()).toEqual(["close", "onClose"]);
  });

  it("ignores a stream that fails after the peer's end, until something is written", async () => {
    const { transport, source, sink, seen } = open();
    await seen();
    source.close();
    expect(await seen()).toEqual(["onEnd"]);
    sink.error(new Error("not half-open"));
    expect(await seen()).toEqual([]);
    expect(transport.write(new Uint8Array(1))).toBe(false);
    expect(await seen()).toEqual(["close", "onClose not half-open"]);
  });

  it("drops what comes after the end", async () => {
    const { transport, seen } = open();
    transport.end();
    expect(transport.write(new Uint8Array(1))).toBe(true);
    expect(await seen()).toEqual(["pull", "end"]);
  });
});

describe("the end", () => {
  it("is sent after what was written, and reading goes on until the peer's end", async () => {
    const { transport, source, taken, seen } = open();
    transport.write(new Uint8Array(1));
    transport.end();
    transport.end();
    // What is to be closed takes no more: that it is ready for it says nothing.
    expect((await seen()).filter((line) => line !== "onDrain")).toEqual(["pull", "write 1"]);
    taken[0]!.resolve();
    expect((await seen()).filter((line) => line !== "onDrain")).toEqual(["end"]);
    source.enqueue(new Uint8Array(2));
    expect(await seen()).toEqual(["onData 2", "pull"]);
    source.close();
    expect(await seen()).toEqual(["onEnd", "close", "onClose"]);
  });

  it("may come from the peer first, and writing goes on", async () => {
    const { transport, source, taken, seen } = open();
    await seen();
    source.close();
    expect(await seen()).toEqual(["onEnd"]);
    transport.write(new Uint8Array(1));
    await seen();
    taken[0]!.resolve();
    await seen();
    transport.end();
    expect(await seen()).toEqual(["end", "close", "onClose"]);
  });

  it("is a failure if it cannot be sent before the peer's end, and none after it", async () => {
    const early = open();
    early.closing = () => Promise.reject(new Error("not open"));
    early.transport.end();
    expect((await early.seen()).at(-1)).toBe("onClose not open");
    const late = open();
    late.closing = () => Promise.reject(new Error("not open"));
    late.source.close();
    await late.seen();
    late.transport.end();
    expect((await late.seen()).at(-1)).toBe("onClose");
  });
});

describe("destroy()", () => {
  it("releases both streams, and is reported once, in a later turn", async () => {
    const { transport, lines, source, seen } = open();
    await seen();
    transport.destroy();
    transport.destroy();
    await Promise.resolve();
    expect(lines).not.toContain("onClose");
    expect(await seen()).toEqual(["cancel", "abort", "close", "onClose"]);
    expect(() => {
      source.enqueue(new Uint8Array(1));
    }).toThrow();
  });

  it("wakes a reader that is held back, which then delivers nothing", async () => {
    const { transport, source, seen } = open();
    transport.pause();
    source.enqueue(new Uint8Array(1));
    await seen();
    transport.destroy();
    expect(await seen()).toEqual(["cancel", "abort", "close", "onClose"]);
  });

  it.each([
    () => {
      throw new Error("closed already");
    },
    () => Promise.reject(new Error("closed already")),
    undefined,
  ])("ignores an error of closing the pair", async (close) => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const pair = close === undefined ? { readable, writable } : { readable, writable, close };
    const transport = new StreamsTransport(pair);
    const closed = new Promise<Error | undefined>((resolve) => {
      transport.handler = { ...transport.handler, onClose: resolve };
    });
    transport.destroy();
    expect(await closed).toBeUndefined();
    await macrotask();
  });
});
