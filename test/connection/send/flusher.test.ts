import { describe, expect, it } from "vitest";
import { WriteBuffer } from "../../../src/endpoint/write-buffer.ts";
import { OpBinary } from "../../../src/frame/opcode.ts";
import { Backlog } from "../../../src/connection/send/backlog.ts";
import { Flusher, type FlusherEvents, sent } from "../../../src/connection/send/flusher.ts";
import type { Transport } from "../../../src/transport.ts";

/** A transport that notes the sizes of writes, and borrows them where it is told to. */
function recorder(borrows: boolean): { transport: Transport; writes: number[] } {
  const writes: number[] = [];
  const transport: Transport = {
    handler: { onData() {}, onDrain() {}, onEnd() {}, onClose() {} },
    write(bytes) {
      writes.push(bytes.length);
      return !borrows;
    },
    pause() {},
    resume() {},
    end() {},
    destroy() {},
    remoteAddress: undefined,
    remotePort: undefined,
  };
  return { transport, writes };
}

/** A flusher of its own output, and what it has told. */
function newFlusher(
  borrows: boolean,
  mark: number,
  backlog?: Backlog,
): { flusher: Flusher; output: WriteBuffer; writes: number[]; lines: string[] } {
  const { transport, writes } = recorder(borrows);
  const output = new WriteBuffer(false);
  const lines: string[] = [];
  const events: FlusherEvents = {
    onDrained: () => void lines.push("drained"),
    onRoom: () => void lines.push("room"),
    onBlocked: () => void lines.push("blocked"),
    onUnblocked: (bytes) => void lines.push(`unblocked ${bytes}`),
  };
  return { flusher: new Flusher(transport, output, mark, events, backlog), output, writes, lines };
}

function frame(output: WriteBuffer, size: number): void {
  output.addFrame(OpBinary, new Uint8Array(size), 0, size);
}

describe("Flusher", () => {
  it("writes what is sent in one turn at once", async () => {
    const { flusher, output, writes } = newFlusher(false, 1000);
    for (let i = 0; i < 3; i++) {
      frame(output, 10);
      flusher.flushSoon();
    }
    expect(writes).toEqual([]);
    await Promise.resolve();
    expect(writes).toEqual([36]);
    expect(flusher.isIdle).toBe(true);
  });

  it("has one write under way, and gathers the next meanwhile", async () => {
    const { flusher, output, writes } = newFlusher(true, 1000);
    frame(output, 10);
    flusher.flush();
    frame(output, 10);
    flusher.flushSoon();
    frame(output, 10);
    flusher.flush();
    await Promise.resolve();
    expect(writes).toEqual([12]);
    flusher.onDrain();
    expect(writes).toEqual([12, 24]);
    expect(flusher.isIdle).toBe(false);
    flusher.onDrain();
    expect(flusher.isIdle).toBe(true);
  });

  it("writes what it has gathered with what else is sent in the turn in which it is released", async () => {
    const { flusher, output, writes } = newFlusher(false, 1000);
    flusher.gather();
    frame(output, 10);
    flusher.flushSoon();
    await Promise.resolve();
    expect(writes).toEqual([]);
    flusher.release();
    frame(output, 10);
    flusher.flushSoon();
    expect(writes).toEqual([]);
    await Promise.resolve();
    expect(writes).toEqual([24]);
    // It gathers no more, and there is nothing to release.
    frame(output, 10);
    flusher.release();
    await Promise.resolve();
    expect(writes).toEqual([24]);
    flusher.flushSoon();
    await Promise.resolve();
    expect(writes).toEqual([24, 12]);
  });

  it("keeps what is sent while it gathers", async () => {
    const { flusher, output, writes } = newFlusher(false, 1000);
    frame(output, 10);
    flusher.flushSoon();
    flusher.gather();
    await Promise.resolve();
    expect(writes).toEqual([]);
    flusher.flush();
    expect(writes).toEqual([12]);
  });

  it("makes those wait who exceed the mark, with one promise for all", async () => {
    const { flusher, output } = newFlusher(true, 100);
    frame(output, 98);
    expect(flusher.whenSent()).toBe(sent);
    frame(output, 98);
    const waiting = flusher.whenSent();
    expect(waiting).not.toBe(sent);
    expect(flusher.whenSent()).toBe(waiting);
    flusher.onDrain();
    flusher.onDrain();
    await waiting;
  });

  it("writes at once what exceeds the mark, and waits for nothing if it is taken", () => {
    const { flusher, output, writes } = newFlusher(false, 100);
    flusher.gather();
    frame(output, 200);
    expect(flusher.whenSent()).toBe(sent);
    expect(writes).toEqual([204]);
  });

  it("drops what is unsent when it is stopped, and tells those who wait", async () => {
    const { flusher, output, writes } = newFlusher(true, 10);
    frame(output, 20);
    const waiting = flusher.whenSent();
    frame(output, 20);
    flusher.stop(() => new Error("over"));
    await expect(waiting).rejects.toThrow("over");
    flusher.onDrain();
    expect(writes).toEqual([22]);
    expect(output.take()).toBeUndefined();
    expect(flusher.isIdle).toBe(true);
  });

  it("makes no error if nobody waits when it is stopped", () => {
    const { flusher } = newFlusher(true, 10);
    let reasons = 0;
    flusher.stop(() => reasons++);
    expect(reasons).toBe(0);
  });

  it("takes no notice of a drain that it did not wait for", () => {
    const { flusher, writes, lines } = newFlusher(false, 10);
    flusher.onDrain();
    expect([writes, lines]).toEqual([[], []]);
  });

  it("reports when the transport takes a write later, when it has taken it, and that there is room", () => {
    const { flusher, output, lines } = newFlusher(true, 1000);
    frame(output, 10);
    flusher.flush();
    expect(lines).toEqual(["blocked"]);
    flusher.onDrain();
    expect(lines).toEqual(["blocked", "unblocked 12", "room"]);
    const atOnce = newFlusher(false, 1000);
    frame(atOnce.output, 10);
    atOnce.flusher.flush();
    expect(atOnce.lines).toEqual(["room"]);
  });

  it("reports the mark after the call, once, and only if somebody waited", async () => {
    const { flusher, output, lines } = newFlusher(true, 100);
    frame(output, 98);
    flusher.flush();
    frame(output, 98);
    const waiting = flusher.whenSent();
    flusher.onDrain();
    expect(lines).not.toContain("drained");
    await waiting;
    flusher.onDrain();
    await Promise.resolve();
    expect(lines.filter((line) => line === "drained")).toEqual(["drained"]);
  });

  it("lets writers of pieces wait for what is gathered, and not for what waits behind them", async () => {
    const { flusher, output } = newFlusher(true, 100);
    output.hold(1000);
    frame(output, 98);
    expect(flusher.whenPieceSent()).toBe(sent);
    expect(flusher.whenPieceBelow()).toBe(sent);
    frame(output, 98);
    const piece = flusher.whenPieceSent();
    const whole = flusher.whenSent();
    expect(piece).not.toBe(sent);
    expect(flusher.whenPieceBelow()).toBe(piece);
    let isWholeSent = false;
    void whole.then(() => {
      isWholeSent = true;
    });
    flusher.onDrain();
    flusher.onDrain();
    await piece;
    expect(isWholeSent).toBe(false);
    output.hold(-1000);
    flusher.checkDrained();
    await whole;
  });

  it("rejects for writers of pieces, too, when it is stopped", async () => {
    const { flusher, output } = newFlusher(true, 10);
    frame(output, 20);
    const waiting = flusher.whenPieceSent();
    flusher.stop(() => new Error("over"));
    await expect(waiting).rejects.toThrow("over");
  });

  it("writes what comes while the transport takes a write, in the same call", () => {
    const writes: number[] = [];
    const output = new WriteBuffer(false);
    const { transport } = recorder(false);
    let isFirst = true;
    const flusher = new Flusher(
      {
        ...transport,
        write(bytes) {
          writes.push(bytes.length);
          return true;
        },
      },
      output,
      1000,
      {
        onDrained() {},
        // What waited for room.
        onRoom() {
          if (isFirst) frame(output, 20);
          isFirst = false;
        },
        onBlocked() {},
        onUnblocked() {},
      },
    );
    frame(output, 10);
    flusher.flush();
    expect(writes).toEqual([12, 22]);
    expect(flusher.isIdle).toBe(true);
  });
});

describe("a flusher with a backlog", () => {
  it("reports to it what a busy transport leaves, each send meanwhile, and what the transport takes", () => {
    const backlog = new Backlog(Infinity, () => []);
    const { flusher, output } = newFlusher(true, 1000, backlog);
    frame(output, 10);
    flusher.flush();
    expect(backlog.bytes).toBe(12);
    frame(output, 20);
    flusher.flushSoon();
    expect(backlog.bytes).toBe(34);
    flusher.onDrain();
    expect(backlog.bytes).toBe(22);
    flusher.onDrain();
    expect(backlog.bytes).toBe(0);
  });

  it("reports nothing to it that is taken at once", async () => {
    const backlog = new Backlog(0, () => {
      throw new Error("nothing is unsent");
    });
    const { flusher, output } = newFlusher(false, 1000, backlog);
    frame(output, 10);
    flusher.flushSoon();
    expect(backlog.bytes).toBe(0);
    await Promise.resolve();
    await Promise.resolve();
    expect(backlog.bytes).toBe(0);
  });

  it("takes all of it back when it is stopped", () => {
    const backlog = new Backlog(Infinity, () => []);
    const { flusher, output } = newFlusher(true, 1000, backlog);
    frame(output, 10);
    flusher.flush();
    frame(output, 20);
    flusher.flushSoon();
    output.hold(5);
    flusher.stop(() => undefined);
    expect(backlog.bytes).toBe(0);
    flusher.flush();
    expect(backlog.bytes).toBe(0);
  });
});
