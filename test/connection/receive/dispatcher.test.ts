import { describe, expect, it } from "vitest";
import { linkOf } from "../../support/link.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { openPair } from "../../support/pair.ts";
import { nameOf } from "../../support/server.ts";
import { macrotask } from "../../support/turns.ts";

describe("the handler for streams", () => {
  it("reads a message while it comes, and is awaited before the next one", async () => {
    const lines: string[] = [];
    const gate = newDeferred<void>();
    const { theirs } = await openPair({
      handlers: {
        async stream(_, message) {
          lines.push(message.isText ? "text" : "binary");
          for await (const piece of message) lines.push(`piece of ${piece.length}`);
          lines.push("end");
          await gate.promise;
          lines.push("done");
        },
      },
    });
    const writer = theirs.beginMessage();
    await writer.write("one");
    await macrotask();
    expect(lines).toEqual(["text", "piece of 3"]);
    await writer.close();
    void theirs.send(new Uint8Array(2));
    await macrotask();
    expect(lines).toEqual(["text", "piece of 3", "end"]);
    gate.resolve();
    await macrotask();
    expect(lines.slice(3)).toEqual(["done", "binary", "piece of 2", "end", "done"]);
  });

  it("has the rest of the message dropped if it returns early, at once or later", async () => {
    const seen: string[] = [];
    const { theirs } = await openPair({
      handlers: {
        stream(_, message) {
          return (async () => {
            for await (const piece of message) {
              seen.push(piece as string);
              if (piece === "leave") return;
            }
          })();
        },
      },
    });
    const writer = theirs.beginMessage();
    await writer.write("leave");
    await macrotask();
    await writer.write("unread");
    await writer.close();
    await theirs.send("next");
    await macrotask();
    expect(seen).toEqual(["leave", "next"]);
    let calls = 0;
    const pair = await openPair({ handlers: { stream: () => void calls++ } });
    for (let i = 0; i < 3; i++) await pair.theirs.send("x".repeat(100_000));
    await macrotask();
    expect(calls).toBe(3);
  });

  it("holds the peer back while it reads nothing", async () => {
    const gate = newDeferred<void>();
    const read = newDeferred<number>();
    const { theirs } = await openPair({
      options: { receiveHighWaterMark: 1000 },
      handlers: {
        async stream(_, message) {
          await gate.promise;
          read.resolve((await message.bytes()).length);
        },
      },
      clientOptions: { highWaterMark: 0 },
    });
    const writer = theirs.beginMessage({ binary: true });
    for (let i = 0; i < 100; i++) void writer.write(new Uint8Array(100));
    void writer.close();
    await macrotask();
    gate.resolve();
    expect(await read.promise).toBe(10_000);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("oops");
      },
    ],
    ["rejects", () => Promise.reject(new Error("oops"))],
  ])("fails the connection at once if it %s", async (_, stream) => {
    const errors: string[] = [];
    const { ours, theirs } = await openPair({
      handlers: { stream, error: (_, error) => void errors.push(nameOf(error)) },
    });
    await theirs.beginMessage().write("begun");
    expect(await theirs.closed).toMatchObject({ status: 1011 });
    expect(await ours.closed).toMatchObject({ initiator: "local", error: { message: "oops" } });
    expect(errors).toEqual(["oops"]);
  });

  it("fails the connection if it rejects after the message is complete", async () => {
    const { theirs } = await openPair({
      handlers: {
        async stream(_, message) {
          await message.text();
          throw new Error("oops");
        },
      },
    });
    await theirs.send("whole");
    expect(await theirs.closed).toMatchObject({ status: 1011 });
  });

  it("sees an end in the middle, which does not count as its own failure", async () => {
    const ends: unknown[] = [];
    const { ours, theirs } = await openPair({
      handlers: {
        async stream(_, message) {
          await message.text().catch((error: unknown) => {
            ends.push(nameOf(error));
            throw error;
          });
        },
      },
    });
    await theirs.beginMessage().write("begun");
    // The piece has to leave first.
    await macrotask();
    theirs.terminate();
    expect(await ours.closed).toMatchObject({ status: 1006, error: { code: "UNEXPECTED_END" } });
    await macrotask();
    expect(ends).toEqual(["CLOSED"]);
    const pair = await openPair({
      handlers: {
        stream: (_, message) => message.text().then(undefined, (error) => void ends.push(error)),
      },
    });
    await pair.theirs.beginMessage().write("begun");
    await macrotask();
    void pair.ours.close();
    await pair.ours.closed;
    expect(ends).toHaveLength(2);
  });

  it("excludes receive() and loops", async () => {
    const { ours } = await openPair({ handlers: { stream() {} } });
    expect(() => ours.receiveStream()).toThrow("Messages go to the handlers");
    expect(() => ours[Symbol.asyncIterator]()).toThrow(TypeError);
  });
});

describe("a stream that is left unread", () => {
  it("does not hold up the end if its handler then rejects, though the peer is held back", async () => {
    const gate = newDeferred<void>();
    const { ours, theirs, server } = await openPair({
      options: { receiveHighWaterMark: 1000 },
      handlers: { stream: () => gate.promise },
    });
    const writer = theirs.beginMessage({ binary: true });
    for (let i = 0; i < 100; i++) {
      void writer.write(new Uint8Array(100));
      await macrotask();
    }
    expect(linkOf(ours).isReading).toBe(false);
    gate.reject(new Error("oops"));
    expect(await theirs.closed).toMatchObject({ status: 1011 });
    expect(await ours.closed).toMatchObject({ error: { message: "oops" } });
    expect(server.counters.open).toBe(0);
  });
});

/** A connection that can be opened with handlers that note what they see. */
