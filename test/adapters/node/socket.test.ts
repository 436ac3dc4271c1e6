import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { type ForeignSocket, socketTransport } from "../../../adapters/node/socket.ts";

/** A socket that others have made, with what was done to it. */
class FakeSocket extends EventEmitter {
  readonly writable = true;
  readonly writableLength = 0;
  allowHalfOpen = false;
  timeout = 1000;
  noDelay: boolean | undefined;

  setTimeout(milliseconds: number): void {
    this.timeout = milliseconds;
  }
  setNoDelay(noDelay: boolean): void {
    this.noDelay = noDelay;
  }
  write(): boolean {
    return true;
  }
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

describe("socketTransport()", () => {
  it("ends neither by a time-out nor by the peer's end, and tells TCP what is wanted of it", () => {
    const socket = new FakeSocket();
    socketTransport(socket, { noDelay: false });
    const { allowHalfOpen, timeout, noDelay } = socket;
    expect({ allowHalfOpen, timeout, noDelay }).toEqual({
      allowHalfOpen: true,
      timeout: 0,
      noDelay: false,
    });
  });

  it("takes a stream that is no socket, which has no time-out", () => {
    const stream = new FakeSocket();
    const chunks: string[] = [];
    const transport = socketTransport(
      Object.assign(stream, { setTimeout: undefined }) as ForeignSocket,
    );
    transport.handler = {
      onData: (chunk) => void chunks.push(chunk.join(" ")),
      onDrain() {},
      onEnd() {},
      onClose() {},
    };
    stream.emit("data", Uint8Array.of(1, 2));
    expect(chunks).toEqual(["1 2"]);
  });
});
