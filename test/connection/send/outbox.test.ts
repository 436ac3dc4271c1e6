import { ClosedError } from "../../../src/errors.ts";
import { openPair } from "../../support/pair.ts";
import { ShiftExtension } from "../../support/shift-extension.ts";
import { describe, expect, it } from "vitest";
import { memoryPair, type MemoryTransport } from "../../../adapters/memory/index.ts";
import { prepareMessage } from "../../../src/connection/send/prepare.ts";
import type { ConnectionOptions } from "../../../src/connection/options.ts";
import type { ServeOptions } from "../../../src/connection/server/serve-options.ts";
import { Server } from "../../../src/connection/server/serve.ts";
import { type Connection, linkOf } from "../../../src/connection/connection.ts";
import { noBytes } from "../../../src/bytes.ts";
import { OpText } from "../../../src/frame/opcode.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { Peer, upgradeRequest } from "../../support/peer.ts";
import { nameOf } from "../../support/server.ts";
import { macrotask } from "../../support/turns.ts";

/** A connection whose peer takes nothing from the first message on, until it is told to. */
async function openSlow(options: Partial<ServeOptions>): Promise<{
  ws: Connection;
  peer: Peer;
  lines: string[];
  accepted: MemoryTransport;
  read(): Promise<void>;
}> {
  const [ours, theirs] = memoryPair({ capacity: 1 });
  const lines: string[] = [];
  let ws!: Connection;
  const server = new Server(
    { port: 0, clock: new FakeClock(), unhandledErrors: "ignore", ...options },
    {
      open(opened) {
        ws = opened;
      },
      drain: () => void lines.push("drain"),
      error: (_, error) => void lines.push(`error ${nameOf(error)}`),
    },
  );
  server.accept(ours);
  const peer = new Peer(theirs);
  peer.send(upgradeRequest());
  await peer.seen("open");
  theirs.pause();
  // What the transport takes in, so that it takes no more.
  void ws.send("first");
  await macrotask();
  return {
    ws,
    peer,
    lines,
    accepted: ours,
    async read() {
      theirs.resume();
      await macrotask();
    },
  };
}

/** Writes down what becomes of a send. */
function note(lines: string[], name: string, sent: Promise<void>): void {
  void sent.then(
    () => lines.push(`sent ${name}`),
    (error: unknown) => lines.push(`${name} ${nameOf(error)}`),
  );
}

const kilobyte = "x".repeat(1000);

describe("a message that does not fit", () => {
  it("ends the connection by the policy close", async () => {
    const { ws, lines } = await openSlow({ maxBufferedAmount: 3000 });
    for (const name of ["a", "b", "c", "d"]) note(lines, name, ws.send(kilobyte));
    await ws.closed;
    expect(lines).toContain("c TOO_MUCH_BUFFERED");
    expect(lines).toContain("error TOO_MUCH_BUFFERED");
    expect(lines).toContain("d CLOSED");
    await expect(ws.send("more")).rejects.toMatchObject({ code: "CLOSED" });
    await expect(ws.ping()).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("is dropped by the policy drop, and those that fit follow", async () => {
    const { ws, lines, peer, read } = await openSlow({ maxBufferedAmount: 3000, overflow: "drop" });
    for (const name of ["a", "b", "c"]) note(lines, name, ws.send(kilobyte + name));
    note(lines, "d", ws.send("d"));
    note(lines, "ping", ws.ping(new Uint8Array(125)));
    await macrotask();
    expect(ws.counters.dropped).toBe(1);
    expect(ws.state).toBe("open");
    await read();
    expect(lines).toContain("c TOO_MUCH_BUFFERED");
    const ends = peer.lines.filter((line) => line.startsWith("text")).map((line) => line.at(-1));
    expect(ends).toEqual(["t", "a", "b", "d"]);
  });

  it("waits by the policy wait, in its order and as it was, prepared ones too", async () => {
    const { ws, lines, peer, read } = await openSlow({ maxBufferedAmount: 3000, overflow: "wait" });
    const bytes = new Uint8Array(1000);
    for (const name of ["a", "b", "c"]) note(lines, name, ws.send(kilobyte + name));
    note(lines, "binary", ws.send(bytes));
    bytes.fill(1);
    note(lines, "prepared", ws.send(prepareMessage("prepared")));
    note(lines, "e", ws.send("e"));
    expect(ws.bufferedAmount).toBe(ws.counters.queued);
    expect(ws.bufferedAmount).toBeGreaterThan(4000);
    await macrotask();
    expect(lines.filter((line) => line.startsWith("sent"))).toEqual(["sent a", "sent b"]);
    await read();
    expect(lines.filter((line) => line.startsWith("sent"))).toEqual(
      ["a", "b", "c", "binary", "prepared", "e"].map((name) => `sent ${name}`),
    );
    const order = peer.lines.slice(2).map((line) => line.replace(/^text x+/, "text "));
    expect(order).toEqual([
      "text a",
      "text b",
      "text c",
      "binary 1000 bytes",
      "text prepared",
      "text e",
    ]);
    expect(ws.bufferedAmount).toBe(0);
  });

  it("keeps its order where each that had to wait is written as soon as there is room", async () => {
    const options = { maxBufferedAmount: 1500, highWaterMark: 10, overflow: "wait" } as const;
    const { ws, lines, peer, read } = await openSlow(options);
    const names = ["a", "b", "c", "d"];
    for (const name of names) note(lines, name, ws.send(kilobyte + name));
    await read();
    expect(lines.filter((line) => line !== "drain")).toEqual(names.map((name) => `sent ${name}`));
    expect(peer.lines.slice(2).map((line) => line.at(-1))).toEqual(names);
  });

  it("is rejected where it waits and the connection ends", async () => {
    const { ws, lines } = await openSlow({ maxBufferedAmount: 1500, overflow: "wait" });
    for (const name of ["a", "b", "c"]) note(lines, name, ws.send(kilobyte));
    note(lines, "piece", ws.beginMessage().write("x"));
    // A ping does not wait: it is of no use later.
    note(lines, "ping", ws.ping(new Uint8Array(125)));
    ws.terminate();
    await macrotask();
    expect(lines).toEqual(
      expect.arrayContaining(["b CLOSED", "c CLOSED", "piece CLOSED", "sent ping"]),
    );
  });

  it("is rejected where it waits and the network breaks", async () => {
    const { ws, lines, accepted } = await openSlow({ maxBufferedAmount: 1500, overflow: "wait" });
    for (const name of ["a", "b"]) note(lines, name, ws.send(kilobyte));
    await macrotask();
    accepted.reset(new Error("reset"));
    await ws.closed;
    await macrotask();
    expect(lines).toEqual(["sent a", "error RESET", "b CLOSED"]);
  });

  it("still leaves where it waits and the peer closes; the stream ends behind it", async () => {
    const { ws, lines, peer, read } = await openSlow({ maxBufferedAmount: 1500, overflow: "wait" });
    for (const name of ["a", "b"]) note(lines, name, ws.send(kilobyte + name));
    peer.close(1000);
    await macrotask();
    expect(lines).toEqual(["sent a"]);
    await read();
    await ws.closed;
    expect(lines).toEqual(["sent a", "sent b"]);
    // The peer delivers nothing behind its own close().
    expect(peer.lines).toEqual(["open", "close 1000", "end", "closed"]);
  });

  it("is rejected where the peer has closed and takes nothing, when the time for closing is over", async () => {
    const clock = new FakeClock();
    const slow = await openSlow({ maxBufferedAmount: 1500, overflow: "wait", clock });
    const { ws, lines, peer } = slow;
    for (const name of ["a", "b"]) note(lines, name, ws.send(kilobyte + name));
    peer.close(1000);
    await macrotask();
    clock.advance(10_100);
    await ws.closed;
    await macrotask();
    expect(lines).toEqual(["sent a", "b CLOSED"]);
    expect(ws.bufferedAmount).toBe(0);
  });

  it("is none where nothing else is unsent, however large it is", async () => {
    const { ws, peer, read } = await openSlow({ maxBufferedAmount: 10 });
    const sent = ws.send(kilobyte);
    await read();
    await sent;
    expect(peer.lines.at(-1)).toBe(`text ${kilobyte}`);
  });
});

describe("what waits for its turn", () => {
  it("counts for more than its bytes, so that a flood of empty messages counts too", async () => {
    const { ws, peer, read } = await openSlow({});
    const before = ws.bufferedAmount;
    const writer = ws.beginMessage();
    void writer.write("a");
    const begun = ws.bufferedAmount;
    for (let i = 0; i < 10; i++) void ws.send("");
    expect(ws.bufferedAmount - begun).toBe(10 * 64);
    const second = ws.beginMessage();
    void second.write("b");
    // Its place, and its piece.
    expect(ws.bufferedAmount - begun).toBe(12 * 64 + 1);
    void writer.close();
    void second.close();
    expect(ws.bufferedAmount).toBe(before + 3 + 2 + 10 * 2 + 3 + 2);
    await read();
    expect(peer.lines.slice(2)).toEqual(["text a", ...Array<string>(10).fill("text "), "text b"]);
    expect(ws.bufferedAmount).toBe(0);
  });

  it("is limited, too: messages that wait behind one in pieces end the connection", async () => {
    const { ws, lines } = await openSlow({ maxBufferedAmount: 3000 });
    void ws.beginMessage().write("a");
    let count = 0;
    while (ws.state === "open" && count < 1000) {
      void ws.send("");
      count++;
    }
    expect(count).toBeLessThan(3000 / 64 + 2);
    await ws.closed;
    expect(lines).toEqual(["error TOO_MUCH_BUFFERED"]);
  });
});

describe("a ping", () => {
  it("passes what waits: only what is gathered in front of it counts", async () => {
    const { ws, lines, peer, read } = await openSlow({ maxBufferedAmount: 1100 });
    const writer = ws.beginMessage();
    void writer.write("a");
    void ws.send(kilobyte);
    note(lines, "ping", ws.ping("now"));
    void writer.close();
    await read();
    expect(peer.lines.slice(2)).toEqual(["ping now", "text a", `text ${kilobyte}`]);
    expect(lines).toEqual(["sent ping"]);
  });
});

describe("a ping that does not fit", () => {
  it("is dropped where messages would wait", async () => {
    const { ws, lines } = await openSlow({ maxBufferedAmount: 1100, overflow: "wait" });
    note(lines, "a", ws.send(kilobyte));
    note(lines, "ping", ws.ping(new Uint8Array(125)));
    await macrotask();
    expect(lines).toContain("ping TOO_MUCH_BUFFERED");
  });
});

describe("the handler for drain", () => {
  it("is called when the unsent bytes are at the mark again, once, and not inside of a send", async () => {
    const { ws, lines, read } = await openSlow({ highWaterMark: 1500 });
    void ws.send(kilobyte);
    await macrotask();
    expect(lines).toEqual([]);
    note(lines, "b", ws.send(kilobyte));
    note(lines, "c", ws.send(kilobyte));
    expect(lines).toEqual([]);
    await read();
    expect(lines.sort()).toEqual(["drain", "sent b", "sent c"]);
  });

  it("is not called where a send never went above the mark", async () => {
    const { ws, lines, read } = await openSlow({ highWaterMark: 5000 });
    for (let i = 0; i < 3; i++) void ws.send(kilobyte);
    await read();
    expect(lines).toEqual([]);
  });

  it("is called no more once this side has begun to close", async () => {
    const { ws, lines, read } = await openSlow({ highWaterMark: 1500 });
    void ws.send(kilobyte);
    void ws.send(kilobyte);
    void ws.close();
    await read();
    await macrotask();
    expect(lines).toEqual([]);
  });
});

describe("the option sent", () => {
  /** A server's end whose transport takes what the test lets it, and what its callbacks were told. */
  async function watching(options: ConnectionOptions = {}) {
    const pair = await openPair({ options, clientOptions: { extensions: options.extensions } });
    const lines: string[] = [];
    const written: Uint8Array[] = [];
    let takes = false;
    pair.accepted.write = (bytes) => {
      written.push(bytes.slice());
      return takes;
    };
    return {
      ...pair,
      lines,
      written,
      told: (name: string) => (error?: Error) =>
        void lines.push(error === undefined ? name : `${name}: ${nameOf(error)}`),
      /** The write under way is taken, and those that follow are or not. */
      take(all = true) {
        takes = all;
        pair.accepted.handler.onDrain();
      },
    };
  }

  it("is called when the system has taken the message, in order, and not inside of send", async () => {
    const { ours, lines, told, take, written } = await watching();
    void ours.send("a", { sent: told("a") });
    void ours.send(new Uint8Array(3), { sent: told("b") });
    void ours.send("unwatched");
    await macrotask();
    void ours.send(prepareMessage("c"), { sent: told("c") });
    await macrotask();
    expect([lines, written.length]).toEqual([[], 1]);
    take(false);
    await macrotask();
    expect([lines, written.length]).toEqual([["a", "b"], 2]);
    take();
    expect(lines).toEqual(["a", "b"]);
    await macrotask();
    expect(lines).toEqual(["a", "b", "c"]);
  });

  it("is told of a message that never left its queue, and so is whoever awaits it", async () => {
    const { ours, lines, told } = await watching({ overflow: "wait", maxBufferedAmount: 1000 });
    void ours.send(new Uint8Array(900));
    const sent = ours.send(new Uint8Array(900), { sent: told("callback") });
    const seen = expect(sent).rejects.toMatchObject({ code: "CLOSED" });
    ours.terminate();
    await seen;
    await macrotask();
    expect(lines).toEqual(["callback: CLOSED"]);
  });

  it("leaves messages together: all that are sent in a turn make one write", async () => {
    const { ours, lines, told, written } = await watching();
    for (let i = 0; i < 20; i++) void ours.send(`${i}`, { sent: told(`${i}`) });
    await macrotask();
    expect(written).toHaveLength(1);
    expect(lines).toEqual([]);
  });

  it("is told of the last part of a message that takes several writes, and of small ones behind it", async () => {
    const { ours, lines, told, take } = await watching();
    void ours.send(new Uint8Array(600 * 1024), { sent: told("large") });
    void ours.send("small", { sent: told("small") });
    await macrotask();
    take(false);
    take(false);
    await macrotask();
    expect(lines).toEqual([]);
    take(false);
    await macrotask();
    expect(lines).toEqual(["large"]);
    take(false);
    await macrotask();
    expect(lines).toEqual(["large", "small"]);
  });

  it("is not told early where pings go in front, or the buffer that messages are gathered in grows", async () => {
    const { ours, lines, told, take } = await watching();
    void ours.send("first", { sent: told("first") });
    await macrotask();
    for (const name of ["a", "b"]) void ours.send("x".repeat(5000), { sent: told(name) });
    void ours.ping("in front");
    void ours.send("x".repeat(40_000), { sent: told("c") });
    take(false);
    await macrotask();
    expect(lines).toEqual(["first"]);
    take(false);
    await macrotask();
    expect(lines).toEqual(["first"]);
    take();
    await macrotask();
    expect(lines).toEqual(["first", "a", "b", "c"]);
  });

  it("is told of what an extension takes its time for, and of what waits behind it or for room", async () => {
    const shift = new ShiftExtension({ slice: 1 });
    const { ours, lines, told, take } = await watching({ extensions: [shift] });
    void ours.send("ab", { sent: told("slow") });
    void ours.send("c", { sent: told("behind") });
    await macrotask();
    for (let i = 0; i < 4; i++) shift.next();
    await macrotask();
    expect(lines).toEqual([]);
    take();
    await macrotask();
    expect(lines).toEqual(["slow", "behind"]);
    const waiting = await watching({ overflow: "wait", maxBufferedAmount: 100 });
    void waiting.ours.send("x".repeat(90), { sent: waiting.told("first") });
    const sending = waiting.ours.send("x".repeat(90), { sent: waiting.told("waits") });
    await macrotask();
    waiting.take();
    await sending;
    await macrotask();
    expect(waiting.lines).toEqual(["first", "waits"]);
  });

  it("is called with the error where a message is dropped, refused, or lost with the connection, once", async () => {
    const { ours, lines, told } = await watching({ overflow: "drop", maxBufferedAmount: 200 });
    void ours.send("x".repeat(90), { sent: told("lent") });
    await macrotask();
    void ours.send("x", { sent: told("gathered") });
    void ours.send("x".repeat(150), { sent: told("too much") });
    await macrotask();
    expect(lines).toEqual(["too much: TOO_MUCH_BUFFERED"]);
    ours.terminate();
    await macrotask();
    void ours.send("late", { sent: told("late") });
    await macrotask();
    await expect(ours.send("late")).rejects.toThrow(ClosedError);
    expect(lines.slice(1).map((line) => line.split(":")[0])).toEqual(["gathered", "lent", "late"]);
    expect(new Set(lines.slice(1).map((line) => line.split(": ")[1])).size).toBe(1);
  });

  it("is told of what waits in the queue when the connection is dropped", async () => {
    const shift = new ShiftExtension({ slice: 1 });
    const { ours, lines, told } = await watching({ extensions: [shift] });
    void ours.send("ab", { sent: told("slow") });
    void ours.send("c", { sent: told("behind") });
    ours.terminate();
    await macrotask();
    expect(lines.map((line) => line.split(":")[0])).toEqual(["slow", "behind"]);
    expect(lines.every((line) => line.includes(":"))).toBe(true);
  });

  it("is told with the error of an extension that fails with the message", async () => {
    const shift = new ShiftExtension();
    const { ours, lines, told } = await watching({ extensions: [shift] });
    shift.error = new Error("broken");
    void ours.send("a", { sent: told("a") });
    await macrotask();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^a: /);
  });

  it("is told of pings, pongs, pieces and frames that are there already, as of messages", async () => {
    const { ours, lines, told, take } = await watching();
    const { outbox } = linkOf(ours);
    void ours.send("first");
    await macrotask();
    void outbox.ping(noBytes, told("ping"));
    void outbox.pong(noBytes, told("pong"));
    const message = outbox.begin(OpText, true);
    void outbox.sendPiece(message, noBytes, false, told("piece"));
    void outbox.sendPiece(message, noBytes, true, told("last piece"));
    outbox.sendRaw([prepareMessage("raw").frame], told("raw"));
    outbox.sendRaw([prepareMessage("unwatched").frame]);
    await macrotask();
    expect(lines).toEqual([]);
    take();
    await macrotask();
    expect(lines.toSorted()).toEqual(["last piece", "piece", "ping", "pong", "raw"]);
  });

  it("is told of a piece that waits for its turn when that has left, too", async () => {
    const shift = new ShiftExtension({ slice: 1 });
    const { ours, lines, told, take } = await watching({ extensions: [shift] });
    const { outbox } = linkOf(ours);
    void ours.send("ab");
    const message = outbox.begin(OpText, true);
    void outbox.sendPiece(message, new Uint8Array(2), true, told("piece"));
    await macrotask();
    for (let i = 0; i < 4; i++) shift.next();
    await macrotask();
    expect(lines).toEqual([]);
    take();
    await macrotask();
    expect(lines).toEqual(["piece"]);
  });

  it("is told why a ping, a piece or frames are refused", async () => {
    const { ours, lines, told } = await watching({ overflow: "drop", maxBufferedAmount: 100 });
    const { outbox } = linkOf(ours);
    void ours.send(new Uint8Array(90));
    const message = outbox.begin(OpText, true);
    const piece = new Uint8Array(90);
    void outbox.ping(noBytes, told("ping"));
    void outbox.sendPiece(message, piece, false, told("piece"));
    void outbox.sendPiece(message, piece, true, told("last piece"));
    await macrotask();
    expect(lines).toEqual(
      ["ping", "piece", "last piece"].map((name) => `${name}: TOO_MUCH_BUFFERED`),
    );
    ours.terminate();
    void outbox.pong(noBytes, told("pong"));
    void outbox.sendPiece(message, piece, true, told("late piece"));
    outbox.sendRaw([piece], told("raw"));
    outbox.sendRaw([piece]);
    await macrotask();
    expect(lines.slice(3)).toEqual(["pong", "late piece", "raw"].map((name) => `${name}: CLOSED`));
  });

  it("tells what it throws as the option unhandledErrors says", async () => {
    const told: unknown[] = [];
    const { ours, take } = await watching({
      unhandledErrors: (error, { thrower }) => void told.push([(error as Error).message, thrower]),
    });
    void ours.send("a", {
      sent() {
        throw new Error("mine");
      },
    });
    await macrotask();
    take();
    await macrotask();
    expect(told).toEqual([["mine", "sent"]]);
  });

  it("is for what is sent alone, and must be a function", async () => {
    const { ours } = await openPair();
    expect(() => ours.send("a", { sent: true as never })).toThrow("sent must be a function");
    expect(() => prepareMessage("a", { sent() {} } as never)).toThrow("Unknown option sent");
  });
});

describe("terminate() behind a send", () => {
  it("gives the system what was sent, as far as it takes it at once", async () => {
    const { ours, theirs, accepted } = await openPair();
    const calls: string[] = [];
    const { write, destroy } = accepted;
    accepted.write = (bytes) => {
      calls.push(`write ${bytes.length}`);
      return write.call(accepted, bytes);
    };
    accepted.destroy = () => {
      calls.push("destroy");
      destroy.call(accepted);
    };
    void ours.send("last words");
    ours.terminate();
    expect(calls).toEqual([`write ${2 + 10}`, "destroy"]);
    expect(await theirs.closed).toMatchObject({ status: 1006 });
    // Once is enough.
    ours.terminate();
    expect(calls).toHaveLength(2);
  });
});
