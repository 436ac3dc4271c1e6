import { EventEmitter, once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { type ForeignSocket, socketTransport } from "../../../adapters/node/socket.ts";
import { upgradeRequest } from "../../support/peer.ts";
import { RawClient } from "../../support/raw-client.ts";
import { runtime } from "../../support/runtime.ts";

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
  it("ends neither by a time-out nor by the peer's end, and sets the options of TCP", () => {
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

  it("reads the socket of an upgrade; on Node into the buffer of all sockets", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = await RawClient.connect((server.address() as AddressInfo).port);
    onTestFinished(() => {
      client.destroy();
      server.close();
    });
    client.write(upgradeRequest());
    const [, socket] = (await once(server, "upgrade")) as [unknown, ForeignSocket];
    const transport = socketTransport(socket);
    const told = { text: "", sizes: new Set<number>() };
    const isOver = new Promise<void>((resolve) => {
      transport.handler = {
        onData(chunk) {
          told.text += String.fromCharCode(...chunk);
          told.sizes.add(chunk.buffer.byteLength);
        },
        onDrain() {},
        onEnd: resolve,
        onClose() {},
      };
    });
    client.write(new TextEncoder().encode("sixteen bytes or more"));
    client.end();
    await isOver;
    transport.destroy();
    expect(told.text).toBe("sixteen bytes or more");
    if (runtime === "node") expect(told.sizes).toEqual(new Set([256 * 1024]));
  });
});
