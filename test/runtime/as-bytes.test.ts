import { Buffer } from "node:buffer";
import { afterEach, describe, expect, it } from "vitest";
import type { NewBytes } from "../../src/connection/settings.ts";
import { newDeferred } from "../../src/deferred.ts";
import { Ends } from "../support/ends.ts";
import { runtime } from "../support/runtime.ts";

/** Messages as bytes of the application's own, and ends that a relay passes on, over real sockets. */

const ends = new Ends();

afterEach(() => ends.finish());

const newBuffer: NewBytes = (source, start, end, isOwned) =>
  isOwned
    ? Buffer.from(source.buffer, source.byteOffset + start, end - start)
    : Buffer.from(source.subarray(start, end));

describe(`messages as Buffers, on ${runtime}`, () => {
  it.each([false, true])(
    "come as what they are, text and binary, compressed: %s",
    async (compression) => {
      const got: unknown[] = [];
      const done = newDeferred<void>();
      const { url } = await ends.serve(
        {
          message(ws, data, isText) {
            got.push([Buffer.isBuffer(data), (data as Buffer).toString("latin1").length, isText]);
            void ws.send(data as Buffer, { text: isText });
            if (got.length === 4) done.resolve();
          },
        },
        { newBytes: newBuffer, textAs: "bytes", compression },
      );
      const ws = await ends.connect(url, { compression });
      const large = "\u00e9".repeat(100_000);
      void ws.send("\u00e9");
      void ws.send(Uint8Array.of(1, 2, 3));
      void ws.send(large);
      void ws.send(new Uint8Array(200_000));
      await done.promise;
      expect(got).toEqual([
        [true, 2, true],
        [true, 3, false],
        [true, 200_000, true],
        [true, 200_000, false],
      ]);
      expect(await ws.receive()).toBe("\u00e9");
      expect(await ws.receive()).toEqual(Uint8Array.of(1, 2, 3));
      expect(await ws.receive()).toBe(large);
      expect(((await ws.receive()) as Uint8Array).length).toBe(200_000);
    },
  );

  it("are failed with 1007 where text is no UTF-8, short or long", async () => {
    const { url } = await ends.serve({ message() {} }, { textAs: "bytes" });
    for (const length of [1, 100]) {
      const ws = await ends.connect(url);
      const bytes = new Uint8Array(length).fill(0x61);
      bytes[length - 1] = 0xc3;
      void ws.send(bytes, { text: "trusted" });
      expect(await ws.closed).toMatchObject({ status: 1007 });
    }
  });
});

describe(`the end of a connection that is passed on, on ${runtime}`, () => {
  it("has no status where the first one had none, and comes behind what was on its way", async () => {
    const answers: unknown[] = [];
    const { url, server } = await ends.serve(
      { message: (_, data) => void answers.push(data) },
      { deliverAfterClose: true, autoPong: false },
    );
    const pongs = newDeferred<string>();
    const ws = await ends.connect(
      url,
      {},
      { pong: (_, payload) => pongs.resolve(String(payload)) },
    );
    const [ours] = server.connections;
    void ours!.pong(Uint8Array.of(7));
    expect(await pongs.promise).toBe("7");
    void ws.send("on its way");
    void ours!.close(1005);
    expect(await ws.closed).toMatchObject({ status: 1005, clean: true, initiator: "peer" });
    expect(await ours!.closed).toMatchObject({ status: 1005, clean: true, initiator: "local" });
    expect(answers).toEqual(["on its way"]);
  });
});
