import { describe, expect, it } from "vitest";
import { Output } from "../../src/endpoint/output.ts";
import { OpBinary } from "../../src/frame/opcode.ts";
import { Sender, sent } from "../../src/connection/sending.ts";
import type { Transport } from "../../src/transport.ts";

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

function frame(output: Output, size: number): void {
  output.addFrame(OpBinary, new Uint8Array(size), 0, size);
}

describe("Sender", () => {
  it("writes what is sent in one turn at once", async () => {
    const { transport, writes } = recorder(false);
    const output = new Output(false);
    const sender = new Sender(transport, output, 1000);
    for (let i = 0; i < 3; i++) {
      frame(output, 10);
      sender.flushSoon();
    }
    expect(writes).toEqual([]);
    await Promise.resolve();
    expect(writes).toEqual([36]);
    expect(sender.isIdle).toBe(true);
  });

  it("has one write under way, and gathers the next meanwhile", async () => {
    const { transport, writes } = recorder(true);
    const output = new Output(false);
    const sender = new Sender(transport, output, 1000);
    frame(output, 10);
    sender.flush();
    frame(output, 10);
    sender.flushSoon();
    frame(output, 10);
    sender.flush();
    await Promise.resolve();
    expect(writes).toEqual([12]);
    sender.onDrain();
    expect(writes).toEqual([12, 24]);
    expect(sender.isIdle).toBe(false);
    sender.onDrain();
    expect(sender.isIdle).toBe(true);
  });

  it("keeps what is sent while it gathers", async () => {
    const { transport, writes } = recorder(false);
    const output = new Output(false);
    const sender = new Sender(transport, output, 1000);
    frame(output, 10);
    sender.flushSoon();
    sender.gather();
    await Promise.resolve();
    expect(writes).toEqual([]);
    sender.flush();
    expect(writes).toEqual([12]);
  });

  it("lets those wait who pass the mark, with one promise for all", async () => {
    const { transport } = recorder(true);
    const output = new Output(false);
    const sender = new Sender(transport, output, 100);
    frame(output, 98);
    expect(sender.whenSent()).toBe(sent);
    frame(output, 98);
    const waiting = sender.whenSent();
    expect(waiting).not.toBe(sent);
    expect(sender.whenSent()).toBe(waiting);
    sender.onDrain();
    sender.onDrain();
    await waiting;
  });

  it("writes at once what passes the mark, and waits for nothing where it is taken", () => {
    const { transport, writes } = recorder(false);
    const output = new Output(false);
    const sender = new Sender(transport, output, 100);
    sender.gather();
    frame(output, 200);
    expect(sender.whenSent()).toBe(sent);
    expect(writes).toEqual([204]);
  });

  it("drops what is unsent when it is stopped, and tells those who wait", async () => {
    const { transport, writes } = recorder(true);
    const output = new Output(false);
    const sender = new Sender(transport, output, 10);
    frame(output, 20);
    const waiting = sender.whenSent();
    frame(output, 20);
    sender.stop(() => new Error("over"));
    await expect(waiting).rejects.toThrow("over");
    sender.onDrain();
    expect(writes).toEqual([22]);
    expect(output.take()).toBeUndefined();
  });

  it("takes no notice of a drain that it did not wait for", () => {
    const { transport, writes } = recorder(false);
    const sender = new Sender(transport, new Output(false), 10);
    sender.onDrain();
    expect(writes).toEqual([]);
  });
});
