import { describe, expect, it } from "vitest";
import { macrotask } from "../support/turns.ts";
import { openPair } from "../support/pair.ts";
import { nameOf } from "../support/server.ts";

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

  it("sends an empty message where nothing was written", async () => {
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

  it("refuses what its message is not made of, and all after its end", async () => {
    const { ours, theirs } = await openPair();
    const text = theirs.beginMessage();
    const binary = theirs.beginMessage({ binary: true });
    expect(() => text.write(Uint8Array.of(1))).toThrow("made of strings");
    expect(() => binary.write("x")).toThrow("made of bytes");
    await text.close();
    expect(() => text.write("x")).toThrow("complete");
    await binary.close();
    expect([await ours.receive(), await ours.receive()]).toEqual(["", new Uint8Array(0)]);
  });

  it("waits for its turn: two messages never mix, and what is sent meanwhile follows", async () => {
    const { ours, theirs } = await openPair();
    const [first, second] = [theirs.beginMessage(), theirs.beginMessage()];
    await first.write("1a ");
    const waiting = second.write("2a ");
    const text = theirs.send("between");
    await theirs.ping("now");
    await first.write("1b");
    await first.close();
    await Promise.all([waiting, text]);
    await second.close();
    const all = [await ours.receive(), await ours.receive(), await ours.receive()];
    expect(all).toEqual(["1a 1b", "between", "2a "]);
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

  it("ends the connection with 1011 where it is given up later", async () => {
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

  it("leaves its connection as it is where it is given up after the end", async () => {
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

describe("Connection.sendStream()", () => {
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

  it("is binary where its first piece is, or where it is told so", async () => {
    const { ours, theirs } = await openPair();
    await theirs.sendStream([Uint8Array.of(1), Uint8Array.of(2)]);
    await theirs.sendStream([], { binary: true });
    expect(await ours.receive()).toEqual(Uint8Array.of(1, 2));
    expect(await ours.receive()).toEqual(new Uint8Array(0));
  });

  it("tells of a source that fails, which ends the connection only where a piece was sent", async () => {
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
