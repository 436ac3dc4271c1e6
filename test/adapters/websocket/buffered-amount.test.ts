import { beforeEach, describe, expect, it } from "vitest";
import { BufferedAmount } from "../../../adapters/websocket/buffered-amount.ts";
import type { Endpoint } from "../../../src/endpoint/endpoint.ts";
import { macrotask } from "../../support/turns.ts";

/** Of an endpoint what is counted: bytes of frames that were made, and that wait. */
class Counts {
  stage = "open";
  readonly sent = { bytes: 0 };
  readonly output = { unsent: 0, gathered: 0 };

  /** A frame was made. */
  make(size: number): void {
    this.sent.bytes += size;
    this.output.unsent += size;
    this.output.gathered += size;
  }

  /** The transport has taken bytes. */
  take(size: number): void {
    this.output.unsent -= size;
    this.output.gathered -= size;
  }
}

describe("BufferedAmount", () => {
  let counts: Counts;
  let buffered: BufferedAmount;

  beforeEach(() => {
    counts = new Counts();
    buffered = new BufferedAmount();
    buffered.begin(counts as unknown as Endpoint);
  });

  /** A message of so many bytes is sent, in a frame that has as many more. */
  function send(size: number, more = 2): void {
    counts.make(size + more);
    buffered.add(size);
  }

  it("counts messages, and not their frames", () => {
    send(10);
    send(5);
    expect(buffered.value).toBe(15);
  });

  it("comes down when the turn is over", async () => {
    send(10);
    counts.take(12);
    expect(buffered.value).toBe(10);
    await macrotask();
    await macrotask();
    expect(buffered.value).toBe(0);
  });

  it("comes down message by message, as the transport takes them", async () => {
    const seen: number[] = [];
    send(10);
    await macrotask();
    await macrotask();
    send(20);
    await macrotask();
    await macrotask();
    seen.push(buffered.value);
    counts.take(12);
    seen.push(buffered.value);
    counts.take(11);
    seen.push(buffered.value);
    counts.take(11);
    seen.push(buffered.value);
    expect(seen).toEqual([30, 20, 10, 0]);
  });

  it("does not come down in a turn in which something is sent", async () => {
    send(10);
    await macrotask();
    await macrotask();
    send(1);
    counts.take(12);
    expect(buffered.value).toBe(11);
    await macrotask();
    await macrotask();
    expect(buffered.value).toBe(1);
  });

  it("keeps counting messages whose frames are not made yet, until all have left", async () => {
    counts.output.unsent += 64;
    buffered.add(30);
    await macrotask();
    await macrotask();
    send(5);
    await macrotask();
    await macrotask();
    counts.take(7);
    expect(buffered.value).toBe(35);
    counts.output.unsent = 0;
    expect(buffered.value).toBe(0);
  });

  it("adds bytes that are counted separately, and takes them off again", () => {
    buffered.addApart(7);
    send(1);
    expect(buffered.value).toBe(8);
    buffered.addApart(-7);
    expect(buffered.value).toBe(1);
  });

  it("keeps what had not left when the socket was dropped", async () => {
    send(10);
    await macrotask();
    await macrotask();
    counts.stage = "dropped";
    counts.take(12);
    expect(buffered.value).toBe(10);
    buffered.end(false);
    await macrotask();
    expect(buffered.value).toBe(10);
    buffered.addApart(3);
    expect(buffered.value).toBe(13);
  });

  it("counts nothing if the connection has ended in order", () => {
    send(10);
    buffered.addApart(4);
    buffered.end(true);
    expect(buffered.value).toBe(4);
  });

  it("allows the connection to end in the turn in which something was sent", async () => {
    send(10);
    buffered.end(false);
    await macrotask();
    await macrotask();
    expect(buffered.value).toBe(10);
  });
});
