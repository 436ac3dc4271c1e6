import { describe, expect, it } from "vitest";
import type { Overflow } from "../../../src/connection/settings.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { openPair } from "../../support/pair.ts";
import { nameOf } from "../../support/server.ts";
import { macrotask } from "../../support/turns.ts";

const frame = { direction: "sent", rsv: 0, masked: true } as const;

describe("MessageWriter", () => {
  it("makes a frame of each piece, and one message of all", async () => {
    const frames: unknown[] = [];
    const { ours, theirs } = await openPair({
      clientOptions: { trace: (_, one) => frames.push(one) },
    });
    const writer = theirs.beginMessage();
    await writer.write("one ");
    await writer.write("");
    await writer.write("two");
    await writer.close();
    await writer.close();
    expect(await ours.receive()).toBe("one two");
    expect(frames).toEqual([
      { ...frame, opcode: 1, fin: false, length: 4 },
      { ...frame, opcode: 0, fin: false, length: 3 },
      { ...frame, opcode: 0, fin: true, length: 0 },
    ]);
    expect(theirs.counters.sent).toMatchObject({ messages: 1, payload: 7, frames: 3 });
  });

  it("keeps the order of writes that nobody awaits, and copies what it is given", async () => {
    const { ours, theirs } = await openPair();
    const writer = theirs.beginMessage({ binary: true });
    const bytes = Uint8Array.of(1, 2);
    void writer.write(bytes);
    bytes.fill(9);
    void writer.write(bytes.buffer);
    void writer.write(Uint8Array.of(3));
    await writer.close();
    expect(await ours.receive()).toEqual(Uint8Array.of(1, 2, 9, 9, 3));
  });

  it("takes its place at its first piece, though nobody awaits it", async () => {
    const { ours, theirs } = await openPair();
    void theirs.send("one");
    const writer = theirs.beginMessage();
    void writer.write("two");
    void theirs.send("three");
    void writer.close();
    expect([await ours.receive(), await ours.receive(), await ours.receive()]).toEqual([
      "one",
      "two",
      "three",
    ]);
  });

  it("sends an empty message if nothing was written", async () => {
    const { ours, theirs } = await openPair();
    await theirs.beginMessage().close();
    await theirs.beginMessage({ binary: true }).close();
    expect(await ours.receive()).toBe("");
    expect(await ours.receive()).toEqual(new Uint8Array(0));
  });

  it("keeps the halves of a character together", async () => {
    const { ours, theirs } = await openPair();
    const writer = theirs.beginMessage();
    const compass = "\u{1F9ED}";
    await writer.write(`a${compass[0]!}`);
    await writer.write(compass[1]!);
    await writer.write(`${compass}${compass[0]!}`);
    await writer.close();
    expect(await ours.receive()).toBe(`a${compass}${compass}\uFFFD`);
  });

  it("refuses data of the wrong type, and everything after its end", async () => {
    const { ours, theirs } = await openPair();
    const text = theirs.beginMessage();
    const binary = theirs.beginMessage({ binary: true });
    expect(() => text.write(Uint8Array.of(1))).toThrow(
      "data must be a string in a text message: Uint8Array",
    );
    expect(() => binary.write("x")).toThrow(
      "data must be an ArrayBuffer or a view on one in a binary message: String",
    );
    await text.close();
    expect(() => text.write("x")).toThrow("complete");
    await binary.close();
    expect([await ours.receive(), await ours.receive()]).toEqual(["", new Uint8Array(0)]);
  });

  it("takes its place at its first piece, even while it waits: two messages never mix", async () => {
    const { ours, theirs } = await openPair();
    const [first, second] = [theirs.beginMessage(), theirs.beginMessage()];
    await first.write("1a ");
    const waiting = second.write("2a ");
    void theirs.send("between");
    await theirs.ping("now");
    await first.write("1b");
    await first.close();
    await waiting;
    await second.close();
    const all = [await ours.receive(), await ours.receive(), await ours.receive()];
    expect(all).toEqual(["1a 1b", "2a ", "between"]);
  });

  it("is complete in its place when close() returns, though it waits and nobody awaits it", async () => {
    const { ours, theirs } = await openPair();
    const [first, second] = [theirs.beginMessage(), theirs.beginMessage()];
    void first.write("1");
    void second.write("2");
    void second.close();
    void theirs.send("3");
    void first.close();
    expect([await ours.receive(), await ours.receive(), await ours.receive()]).toEqual([
      "1",
      "2",
      "3",
    ]);
  });

  it("takes its place at its end if it has no piece", async () => {
    const { ours, theirs } = await openPair();
    const writer = theirs.beginMessage();
    void theirs.send("first");
    void writer.close();
    void theirs.send("last");
    expect([await ours.receive(), await ours.receive(), await ours.receive()]).toEqual([
      "first",
      "",
      "last",
    ]);
  });

  it("resolves for an empty piece with the piece before", async () => {
    const { ours, theirs } = await openPair();
    const first = theirs.beginMessage();
    void first.write("a");
    const second = theirs.beginMessage();
    const waiting = second.write("b");
    expect(second.write("")).toBe(waiting);
    void first.close();
    const end = second.close();
    expect(second.close()).toBe(end);
    await end;
    expect([await ours.receive(), await ours.receive()]).toEqual(["a", "b"]);
  });

  it("is sent whole before a close that comes after its end, even if it waits", async () => {
    const { ours, theirs } = await openPair();
    const [first, second] = [theirs.beginMessage(), theirs.beginMessage()];
    void first.write("1");
    void second.write("2");
    void second.close();
    void first.close();
    void theirs.close();
    expect([await ours.receive(), await ours.receive()]).toEqual(["1", "2"]);
    expect(await ours.closed).toMatchObject({ status: 1000, clean: true });
  });

  it("can be given up before its first piece, as if it had never been", async () => {
    const { ours, theirs } = await openPair();
    theirs.beginMessage().abort();
    const first = theirs.beginMessage();
    await first.write("one");
    const second = theirs.beginMessage();
    const waiting = second.write("never").catch(nameOf);
    second.abort(new Error("changed my mind"));
    second.abort(new Error("again"));
    await first.close();
    expect(await waiting).toBe("changed my mind");
    await theirs.send("after");
    expect([await ours.receive(), await ours.receive()]).toEqual(["one", "after"]);
    expect(theirs.state).toBe("open");
  });

  it("ends the connection with 1011 if it is given up later", async () => {
    const errors: unknown[] = [];
    const { ours, theirs } = await openPair({
      clientHandlers: { error: (_, error) => void errors.push(error) },
    });
    const writer = theirs.beginMessage();
    await writer.write("begun");
    writer.abort();
    expect(await ours.closed).toMatchObject({ status: 1011, initiator: "peer" });
    expect(await theirs.closed).toMatchObject({ initiator: "local" });
    expect(errors.map(nameOf)).toEqual(["Message was aborted"]);
    expect(() => theirs.beginMessage()).toThrow("Connection is closed");
  });

  it("rejects what is written when the connection is closed, by either side", async () => {
    const { ours, theirs } = await openPair();
    const writer = theirs.beginMessage();
    await writer.write("begun");
    const other = theirs.beginMessage();
    const waiting = other.write("never").catch(nameOf);
    void theirs.close();
    expect(await waiting).toBe("CLOSED");
    await expect(writer.write("more")).rejects.toMatchObject({ code: "CLOSED" });
    writer.abort();
    expect(await ours.closed).toMatchObject({ status: 1000, clean: true });
    const pair = await openPair();
    const broken = pair.theirs.beginMessage();
    await broken.write("begun");
    pair.ours.terminate();
    await pair.theirs.closed;
    await expect(broken.close()).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("leaves its connection as it is if it is given up after its end", async () => {
    const { theirs } = await openPair();
    const writer = theirs.beginMessage();
    await writer.close();
    writer.abort();
    await macrotask();
    expect(theirs.state).toBe("open");
  });

  it("is a WritableStream, too", async () => {
    const { ours, theirs } = await openPair();
    const writer = theirs.beginMessage();
    expect(writer.writable).toBe(writer.writable);
    const stream = (writer.writable as WritableStream<string>).getWriter();
    await stream.write("one ");
    await stream.write("two");
    await stream.close();
    expect(await ours.receive()).toBe("one two");
    const aborted = theirs.beginMessage();
    const other = (aborted.writable as WritableStream<string>).getWriter();
    await other.write("begun");
    await other.abort(new Error("no more"));
    expect(await ours.closed).toMatchObject({ status: 1011 });
  });
});

describe("a piece that does not fit", () => {
  /** A connection whose peer takes nothing while it is paused, and that may hold 3000 bytes. */
  async function openSlow(overflow: Overflow) {
    const lines: string[] = [];
    const pair = await openPair({
      clientOptions: { overflow, maxBufferedAmount: 3000, highWaterMark: 100 },
      clientHandlers: { error: (_, error) => void lines.push(`error ${nameOf(error)}`) },
    });
    const { theirs, transport } = pair;
    const write = transport.write.bind(transport);
    const held: Uint8Array[] = [];
    let isHeld = true;
    transport.write = (bytes) => {
      if (!isHeld) return write(bytes);
      held.push(bytes);
      return false;
    };
    /** Takes what was held back, and what follows. */
    const take = async (): Promise<void> => {
      isHeld = false;
      for (const bytes of held.splice(0)) {
        write(bytes);
        transport.handler.onDrain();
      }
      await macrotask();
    };
    return { ...pair, writer: theirs.beginMessage({ binary: true }), lines, take };
  }

  const piece = new Uint8Array(1400);

  it("waits by the policy wait, and those behind it in their order", async () => {
    const { ours, theirs, writer, take } = await openSlow("wait");
    const sent: string[] = [];
    for (const name of ["a", "b", "c", "d"]) void writer.write(piece).then(() => sent.push(name));
    void writer.close().then(() => sent.push("end"));
    void theirs.send("after").then(() => sent.push("after"));
    await macrotask();
    expect(sent).toEqual([]);
    expect(theirs.bufferedAmount).toBeGreaterThan(4 * piece.length);
    const received = ours.receive();
    await take();
    expect(sent).toEqual(["a", "b", "c", "d", "end", "after"]);
    expect(await received).toEqual(new Uint8Array(4 * piece.length));
    expect([await ours.receive(), theirs.bufferedAmount]).toEqual(["after", 0]);
  });

  it("is rejected if it waits and the connection ends", async () => {
    const { theirs, writer } = await openSlow("wait");
    const results = [1, 2, 3].map(() => writer.write(piece).then(() => "sent", nameOf));
    await macrotask();
    theirs.terminate();
    expect(await Promise.all(results)).toEqual(["CLOSED", "CLOSED", "CLOSED"]);
  });

  it("ends the connection by the policy close", async () => {
    const { theirs, writer, lines } = await openSlow("close");
    void writer.write(piece);
    void writer.write(piece);
    await expect(writer.write(piece)).rejects.toMatchObject({ code: "TOO_MUCH_BUFFERED" });
    expect(await theirs.closed).toMatchObject({ status: 1006, initiator: "local" });
    expect(lines).toEqual(["error TOO_MUCH_BUFFERED"]);
    await expect(writer.close()).rejects.toMatchObject({ code: "CLOSED" });
    expect(theirs.counters.dropped).toBe(0);
  });

  it("drops its message by the policy drop while none of it has left; what else is sent follows", async () => {
    const { ours, theirs, writer, lines, take } = await openSlow("drop");
    void theirs.send(piece);
    const first = theirs.beginMessage();
    void first.write("first ");
    const waiting = writer.write(piece).then(() => "sent", nameOf);
    await expect(writer.write(piece)).rejects.toMatchObject({ code: "TOO_MUCH_BUFFERED" });
    expect(await waiting).toBe("TOO_MUCH_BUFFERED");
    // What is written behind it is of no use any more.
    await expect(writer.write(Uint8Array.of(1))).rejects.toMatchObject({
      code: "TOO_MUCH_BUFFERED",
    });
    await expect(writer.close()).rejects.toMatchObject({ code: "TOO_MUCH_BUFFERED" });
    writer.abort();
    expect([theirs.state, theirs.counters.dropped]).toEqual(["open", 1]);
    void first.write("message");
    void first.close();
    void theirs.send("after");
    await take();
    expect([await ours.receive(), await ours.receive(), await ours.receive()]).toEqual([
      piece,
      "first message",
      "after",
    ]);
    expect([lines, theirs.bufferedAmount]).toEqual([[], 0]);
  });

  it("ends the connection with 1011 by the policy drop if a part of its message has left", async () => {
    const { ours, theirs, writer, lines, take } = await openSlow("drop");
    void writer.write(piece);
    void writer.write(piece);
    await expect(writer.write(piece)).rejects.toMatchObject({ code: "TOO_MUCH_BUFFERED" });
    await take();
    expect(await ours.closed).toMatchObject({ status: 1011, initiator: "peer" });
    expect(await theirs.closed).toMatchObject({ error: { code: "TOO_MUCH_BUFFERED" } });
    expect(lines).toEqual(["error TOO_MUCH_BUFFERED"]);
  });

  it.each(["close", "drop", "wait"] as const)(
    "is never the end of a message by the policy %s: it makes room for others",
    async (overflow) => {
      const { ours, theirs, writer, take } = await openSlow(overflow);
      void writer.write(piece);
      void writer.write(new Uint8Array(1578));
      const end = writer.close();
      const received = ours.receive();
      await take();
      await end;
      expect(await received).toHaveLength(1400 + 1578);
      expect([theirs.state, theirs.counters.dropped]).toEqual(["open", 0]);
    },
  );
});

describe("Connection.sendStream()", () => {
  it("takes its place at its first piece; what is sent meanwhile follows the whole message", async () => {
    const { ours, theirs } = await openPair();
    const gate = newDeferred<void>();
    const streamed = theirs.sendStream(
      (async function* () {
        yield "one ";
        await gate.promise;
        yield "two";
      })(),
    );
    await macrotask();
    void theirs.send("after");
    gate.resolve();
    await streamed;
    expect([await ours.receive(), await ours.receive()]).toEqual(["one two", "after"]);
  });

  it("reports no rejection as unhandled that nobody awaits", async () => {
    // The runner fails for each that is.
    const { theirs } = await openPair();
    const failing = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("nothing there")) }),
    };
    void theirs.sendStream(failing);
    void theirs.close();
    void theirs.sendStream(["late"]);
    await theirs.closed;
    await macrotask();
    await expect(theirs.sendStream(["late"])).rejects.toMatchObject({ code: "CLOSED" });
  });

  it.each<[string, () => AsyncIterable<string> | Iterable<string>, string]>([
    ["an array", () => ["a", "b"], "ab"],
    [
      "a generator",
      async function* () {
        yield "a";
        await Promise.resolve();
        yield "b";
      },
      "ab",
    ],
    [
      "a ReadableStream",
      () =>
        new ReadableStream<string>({
          start(controller) {
            controller.enqueue("a");
            controller.enqueue("b");
            controller.close();
          },
        }) as AsyncIterable<string>,
      "ab",
    ],
    ["nothing", () => [], ""],
  ])("sends one message of what %s gives", async (_, source, message) => {
    const { ours, theirs } = await openPair();
    await theirs.sendStream(source());
    expect(await ours.receive()).toBe(message);
  });

  it("is binary if its first piece is, or if told so", async () => {
    const { ours, theirs } = await openPair();
    await theirs.sendStream([Uint8Array.of(1), Uint8Array.of(2)]);
    await theirs.sendStream([], { binary: true });
    expect(await ours.receive()).toEqual(Uint8Array.of(1, 2));
    expect(await ours.receive()).toEqual(new Uint8Array(0));
  });

  it("rejects if its source fails, and ends the connection only if a piece was sent", async () => {
    const { ours, theirs } = await openPair();
    const before = theirs.sendStream(
      (async function* () {
        await Promise.resolve();
        throw new Error("nothing there");
        yield "";
      })(),
    );
    await expect(before).rejects.toThrow("nothing there");
    await theirs.send("still open");
    expect(await ours.receive()).toBe("still open");
    const after = theirs.sendStream(
      (function* () {
        yield "begun";
        throw new Error("broken off");
      })(),
    );
    await expect(after).rejects.toThrow("broken off");
    expect(await ours.closed).toMatchObject({ status: 1011 });
  });
});
