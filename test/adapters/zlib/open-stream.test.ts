import { constants, createDeflateRaw, createInflateRaw } from "node:zlib";
import { describe, expect, it } from "vitest";
import { openStreamsWork } from "../../../adapters/zlib/engine.ts";
import { OpenStream, type Zlib } from "../../../adapters/zlib/open-stream.ts";
import { hex } from "../../support/frames.ts";
import { broken, real } from "../../support/zlib-streams.ts";

describe("openStreamsWork()", () => {
  it("is true of this runtime's zlib", () => {
    expect(openStreamsWork()).toBe(true);
    expect(openStreamsWork(real)).toBe(true);
  });

  it.each<[what: string, zlib: Zlib]>([
    ["has no handle", { ...real, createDeflateRaw: () => ({ on() {}, close() {} }) }],
    [
      "throws",
      {
        ...real,
        createInflateRaw: () =>
          broken(() => {
            throw new Error("no such call");
          }),
      },
    ],
    [
      "does nothing",
      {
        createDeflateRaw: () => {
          const stream = broken(() => {}) as { _writeState: Uint32Array };
          stream._writeState[0] = 1;
          return stream;
        },
        createInflateRaw,
      },
    ],
    [
      "keeps no window",
      {
        ...real,
        createDeflateRaw(options) {
          const stream = createDeflateRaw(options) as unknown as {
            _handle: { writeSync(...values: unknown[]): void; reset(): void };
          };
          const { _handle: handle } = stream;
          const write = handle.writeSync.bind(handle);
          handle.writeSync = (...values) => {
            handle.reset();
            write(...values);
          };
          return stream;
        },
      },
    ],
    [
      "takes everything",
      {
        ...real,
        createInflateRaw(options) {
          const stream = createInflateRaw(options) as unknown as {
            _handle: { writeSync(flush: number, bytes: Uint8Array, ...more: unknown[]): void };
            _writeState: Uint32Array;
          };
          const { _handle: handle, _writeState: state } = stream;
          const write = handle.writeSync.bind(handle);
          let isWrong = false;
          handle.writeSync = (flush, bytes, ...more) => {
            isWrong ||= bytes[0] === 0xff;
            if (isWrong) state.set([64, flush === constants.Z_BLOCK ? 1 : 0]);
            else write(flush, bytes, ...more);
          };
          return stream;
        },
      },
    ],
  ])("is false if it %s", (_, zlib) => {
    expect(openStreamsWork(zlib)).toBe(false);
  });
});

/** Streams as Deno had them until 2.4: what is left is returned, input first. */
function returning(stream: object): object {
  const { _handle: handle, _writeState: state } = stream as {
    _handle: { onerror: unknown; writeSync(...values: unknown[]): void; reset(): void };
    _writeState: Uint32Array;
  };
  let hasFailed = false;
  const theirs = {
    onerror: (message: string): void => void message,
    writeSync(...values: unknown[]) {
      handle.onerror = (message: string) => {
        hasFailed = true;
        theirs.onerror(message);
      };
      handle.writeSync(...values);
      return hasFailed ? undefined : [state[1], state[0]];
    },
    reset: () => {
      handle.reset();
    },
  };
  return {
    _handle: theirs,
    on() {},
    close: () => {
      (stream as { close(): void }).close();
    },
  };
}

describe("an open stream with a method that sets the error handler, as on Workers", () => {
  /** One whose property is not looked at. */
  const deaf = (stream: object): object => {
    const { _handle: handle } = stream as { _handle: { onerror: unknown } };
    let told: (message: string) => void = () => {};
    handle.onerror = (message: string) => {
      told(message);
    };
    const theirs = Object.create(handle, {
      onerror: { value: undefined, writable: true },
      setErrorHandler: { value: (handler: typeof told) => void (told = handler) },
      writeSync: { value: callOn(handle, "writeSync") },
      reset: { value: callOn(handle, "reset") },
    }) as object;
    return Object.create(stream, { _handle: { value: theirs } }) as object;
  };
  const callOn =
    (handle: object, name: string) =>
    (...values: unknown[]): unknown =>
      (handle as Record<string, (...values: unknown[]) => unknown>)[name]!(...values);

  it("compresses and decompresses as any other stream does", () => {
    const closing = (stream: object): object =>
      Object.assign(deaf(stream), {
        close: () => {
          (stream as { close(): void }).close();
        },
      });
    const zlib: Zlib = {
      createDeflateRaw: (options) => closing(createDeflateRaw(options)),
      createInflateRaw: (options) => closing(createInflateRaw(options)),
    };
    expect(openStreamsWork(zlib)).toBe(true);
  });
});

describe("an open stream whose call returns what it has left", () => {
  const zlib: Zlib = {
    createDeflateRaw: (options) => returning(createDeflateRaw(options)),
    createInflateRaw: (options) => returning(createInflateRaw(options)),
  };

  it("compresses and decompresses as any other stream does", () => {
    expect(openStreamsWork(zlib)).toBe(true);
  });
});

describe("OpenStream", () => {
  it("gives zlib's message about wrong data, and throws nothing", () => {
    const stream = new OpenStream(createInflateRaw());
    expect(stream.error).toBeUndefined();
    stream.write(2, hex("ff"), 0, 1, new Uint8Array(64), 0, 64);
    expect(stream.error).toBe("invalid block type");
    stream.close();
  });
});
