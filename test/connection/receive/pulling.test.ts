import { describe, expect, it } from "vitest";
import { newDeferred } from "../../../src/deferred.ts";
import type { ClosedError } from "../../../src/errors.ts";
import { openPair } from "../../support/pair.ts";
import { nameOf } from "../../support/server.ts";
import { macrotask } from "../../support/turns.ts";

describe("messages that are asked for", () => {
  it("hold the peer back at the mark, until half of them are read", async () => {
    const { ours, theirs, accepted } = await openPair({
      options: { receiveHighWaterMark: 1000 },
    });
    const calls: string[] = [];
    const { pause, resume } = accepted;
    accepted.pause = () => {
      calls.push("pause");
      pause.call(accepted);
    };
    accepted.resume = () => {
      calls.push("resume");
      resume.call(accepted);
    };
    for (let i = 0; i < 20; i++) {
      void theirs.send(`${i}`.padEnd(400));
      await macrotask();
    }
    expect(calls).toEqual(["pause"]);
    for (let i = 0; i < 20; i++) {
      expect(((await ours.receive()) as string).trim()).toBe(`${i}`);
      await macrotask();
    }
    expect(calls.slice(0, 3)).toEqual(["pause", "resume", "pause"]);
    expect(calls.at(-1)).toBe("resume");
    await theirs.close();
    expect(await ours.closed).toMatchObject({ status: 1000, clean: true });
  });

  it("do not keep a connection from ending, though nobody reads them", async () => {
    const { ours, theirs } = await openPair({ options: { receiveHighWaterMark: 100 } });
    for (let i = 0; i < 20; i++) void theirs.send(`${i}`.padEnd(100));
    await macrotask();
    theirs.terminate();
    expect(await ours.closed).toMatchObject({ status: 1006, initiator: "transport" });
    // What had come by then is still there.
    expect(((await ours.receive()) as string).trim()).toBe("0");
  });

  it("may be asked for after the end, and then the end is told", async () => {
    const { ours, theirs } = await openPair();
    void theirs.send("last");
    await theirs.close(4000, "bye");
    await ours.closed;
    expect(await ours.receive()).toBe("last");
    await expect(ours.receive()).rejects.toMatchObject({ code: "CLOSED", status: 4000 });
    const other = await openPair();
    await other.theirs.close();
    await other.ours.closed;
    await expect(other.ours.receive()).rejects.toMatchObject({ code: "CLOSED" });
    await expect(other.theirs.receive()).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("are dropped if this side closes, and those who wait are rejected", async () => {
    const { ours, theirs } = await openPair();
    await theirs.send("kept");
    await macrotask();
    const closing = ours.close();
    await expect(ours.receive()).rejects.toMatchObject({ code: "CLOSED" });
    await closing;
    const pair = await openPair();
    const waiting = pair.ours.receive().catch(nameOf);
    pair.ours.terminate();
    expect(await waiting).toBe("CLOSED");
  });

  it("of one chunk are answered in one write, in a loop as by calls", async () => {
    for (const way of ["a loop", "a loop that awaits", "calls"]) {
      const { ours, theirs, transport } = await openPair();
      const chunks: number[] = [];
      const { handler } = transport;
      const onData = handler.onData.bind(handler);
      handler.onData = (chunk) => {
        chunks.push(chunk.length);
        onData(chunk);
      };
      const answering = (async () => {
        if (way === "a loop") {
          for await (const message of ours) void ours.send(message);
        } else if (way === "a loop that awaits") {
          for await (const message of ours) await ours.send(message);
        } else {
          for (let i = 0; i < 16; i++) void ours.send(await ours.receive());
        }
      })();
      for (let i = 0; i < 16; i++) void theirs.send("x");
      for (let i = 0; i < 16; i++) expect(await theirs.receive()).toBe("x");
      expect(chunks, way).toEqual([16 * 3]);
      void theirs.close();
      await answering;
    }
  });

  it("may be asked for by a handler for pings, and the answers to a chunk still leave in one write", async () => {
    const received: unknown[] = [];
    const { ours, theirs, transport } = await openPair({
      handlers: { ping: (ws) => void ws.receive().then((data) => received.push(data)) },
    });
    void ours.receive().then((data) => received.push(data));
    let chunks = 0;
    const { handler } = transport;
    const onData = handler.onData.bind(handler);
    handler.onData = (chunk) => {
      chunks++;
      onData(chunk);
    };
    void theirs.send("a");
    for (let i = 0; i < 3; i++) void theirs.ping();
    void theirs.send("b");
    await macrotask();
    await macrotask();
    expect([received, chunks]).toEqual([["a", "b"], 1]);
  });

  it("do not keep back answers while the next message takes its time", async () => {
    const gate = newDeferred<void>();
    const { ours, theirs } = await openPair();
    const loop = (async () => {
      for await (const message of ours) {
        void ours.send(message);
        if (message === "wait") await gate.promise;
      }
    })();
    for (const text of ["a", "wait", "b"]) void theirs.send(text);
    expect([await theirs.receive(), await theirs.receive()]).toEqual(["a", "wait"]);
    gate.resolve();
    expect(await theirs.receive()).toBe("b");
    await theirs.close();
    await loop;
  });
});

describe("a loop over messages", () => {
  it("leaves the connection open when it is left", async () => {
    const { ours, theirs } = await openPair();
    void theirs.send("first");
    void theirs.send("second");
    for await (const message of ours) {
      expect(message).toBe("first");
      break;
    }
    expect(await ours.receive()).toBe("second");
    expect(ours.state).toBe("open");
  });

  it("gives its waiting steps up when it is left, so that no message is lost", async () => {
    const { ours, theirs } = await openPair();
    const messages = ours[Symbol.asyncIterator]();
    const steps = [messages.next(), messages.next(), messages.next()];
    void theirs.send("first");
    expect(await steps[0]).toEqual({ done: false, value: "first" });
    expect(await messages.return!()).toEqual({ done: true, value: undefined });
    expect(await Promise.all(steps.slice(1))).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
    void theirs.send("second");
    await macrotask();
    expect(await ours.receive()).toBe("second");
    // A second time there is nothing to give back.
    expect(await messages.return!()).toEqual({ done: true, value: undefined });
  });

  it("keeps other receivers waiting when it is left", async () => {
    const { ours, theirs } = await openPair();
    const [left, other] = [ours[Symbol.asyncIterator](), ours[Symbol.asyncIterator]()];
    const given = left.next();
    const kept = other.next();
    const asked = ours.receive();
    await left.return!();
    expect(await given).toEqual({ done: true, value: undefined });
    for (const text of ["a", "b"]) void theirs.send(text);
    expect(await kept).toEqual({ done: false, value: "a" });
    expect(await asked).toBe("b");
  });

  it("rejects all its steps if the connection breaks, even those that nobody awaits", async () => {
    const { ours, theirs } = await openPair();
    const messages = ours[Symbol.asyncIterator]();
    const step = messages.next();
    void messages.next();
    theirs.terminate();
    await expect(step).rejects.toMatchObject({ code: "CLOSED", status: 1006 });
    await macrotask();
    // None is left to be given back.
    expect(await messages.return!()).toEqual({ done: true, value: undefined });
  });

  it("ends if either side closes regularly, or if this side terminates", async () => {
    for (const end of ["ours", "theirs", "terminate"]) {
      const { ours, theirs } = await openPair();
      const loop = (async () => {
        for await (const message of ours) expect(message).toBe("never");
      })();
      await macrotask();
      if (end === "terminate") ours.terminate();
      else void (end === "ours" ? ours : theirs).close(4000);
      await loop;
    }
  });

  it("throws the error if the connection breaks", async () => {
    const { ours, theirs } = await openPair({ options: { maxMessageSize: 10 } });
    const loop = (async () => {
      for await (const message of ours) expect(message).toBe("never");
    })().catch((error: unknown) => error);
    await theirs.send("more than ten bytes");
    expect(await loop).toMatchObject({
      name: "ClosedError",
      status: 1006,
      cause: { code: "MESSAGE_TOO_BIG" },
    });
  });

  it("gets what is left if it begins after the end, and ends as one under way does", async () => {
    for (const end of ["orderly", "lost"]) {
      const { ours, theirs } = await openPair();
      void theirs.send("left");
      await macrotask();
      if (end === "orderly") void theirs.close();
      else theirs.terminate();
      await ours.closed;
      const got: unknown[] = [];
      const loop = (async () => {
        for await (const message of ours) got.push(message);
        return "over";
      })().catch((error: unknown) => (error as ClosedError).code);
      expect(await loop).toBe(end === "orderly" ? "over" : "CLOSED");
      expect(got).toEqual(["left"]);
    }
  });
});

describe("receiveStream()", () => {
  it("gives a message before it is complete, and one after the other", async () => {
    const { ours, theirs } = await openPair();
    const writer = theirs.beginMessage();
    const streamed = ours.receiveStream();
    await writer.write("one ");
    const message = await streamed;
    const pieces = message[Symbol.asyncIterator]();
    expect(await pieces.next()).toEqual({ done: false, value: "one " });
    await writer.write("two");
    expect(await pieces.next()).toEqual({ done: false, value: "two" });
    void theirs.send("whole");
    await writer.close();
    expect(await pieces.next()).toEqual({ done: true, value: undefined });
    expect(await ours.receive()).toBe("whole");
  });

  it("joins a message in its middle, and gives it from its beginning", async () => {
    const { ours, theirs } = await openPair();
    const writer = theirs.beginMessage();
    await writer.write("one ");
    await macrotask();
    const message = await ours.receiveStream();
    await writer.write("two");
    await writer.close();
    expect(await message.text()).toBe("one two");
  });

  it("holds the peer back while its pieces are not read", async () => {
    const { ours, theirs } = await openPair({
      options: { receiveHighWaterMark: 1000 },
      clientOptions: { highWaterMark: 0 },
    });
    const streamed = ours.receiveStream();
    const writer = theirs.beginMessage({ binary: true });
    for (let i = 0; i < 50; i++) void writer.write(new Uint8Array(200));
    void writer.close();
    const message = await streamed;
    await macrotask();
    expect((await message.bytes()).length).toBe(50 * 200);
  });

  it("fails with the connection", async () => {
    const { ours, theirs } = await openPair();
    const streamed = ours.receiveStream();
    await theirs.beginMessage().write("begun");
    const message = await streamed;
    theirs.terminate();
    await expect(message.text()).rejects.toMatchObject({ code: "CLOSED", status: 1006 });
  });
});
