import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { connect } from "node:net";
import type { Connection } from "../../../src/connection/connection.ts";
import * as framewire from "../../../adapters/ws/index.ts";
import { afterEach, describe, expect, it } from "vitest";
import { UpgradedTransport } from "../../../adapters/ws/transport.ts";
import { RawServer } from "../../support/raw-client.ts";
import { runtime } from "../../support/runtime.ts";
import { cleanUp, ended, later, message, pair, shapes } from "../../support/ws-shape.ts";

afterEach(cleanUp);

describe.each(shapes)("pause() of %s", (_, shape) => {
  it("delivers no more messages until resume(), and isPaused says so", async () => {
    const { client, peer } = await pair(shape);
    expect(peer.isPaused).toBe(false);
    peer.pause();
    expect(peer.isPaused).toBe(true);
    const told: string[] = [];
    peer.on("message", (data) => told.push(String(data)));
    // The answer to a ping is read by the other side: all before it has come.
    await new Promise((resolve) => {
      client.send("held back", resolve);
    });
    await new Promise((resolve) => void setImmediate(resolve));
    await new Promise((resolve) => void setImmediate(resolve));
    expect(told).toEqual([]);
    const came = message(peer);
    peer.resume();
    expect(peer.isPaused).toBe(false);
    expect(await came).toEqual(["held back", false]);
  });

  it("does nothing before the connection is open, and when it is over", async () => {
    const { client, peer } = await pair(shape);
    const over = Promise.all([ended(client), ended(peer)]);
    client.terminate();
    await over;
    peer.pause();
    peer.resume();
    expect(peer.isPaused).toBe(false);
  });

  it("keeps what has come until it may be read, even if the connection is gone", async () => {
    const { client, peer } = await pair(shape);
    const told: string[] = [];
    peer.on("message", (data) => told.push(String(data)));
    peer.pause();
    await new Promise((resolve) => {
      client.send("kept", resolve);
    });
    const over = ended(peer);
    client.close();
    peer.resume();
    await over;
    expect(told).toEqual(["kept"]);
  });
});

describe("UpgradedTransport", () => {
  /** A transport over a socket, and what it tells. */
  async function newTransport(head: Uint8Array): Promise<{
    transport: UpgradedTransport;
    told: string[];
    ended: Promise<void>;
    send(text: string): void;
  }> {
    const server = await RawServer.start();
    const socket = connect({ port: server.port, host: "127.0.0.1" });
    const peer = await server.accept();
    later(() => {
      socket.destroy();
      server.close();
    });
    const told: string[] = [];
    const transport = new UpgradedTransport(socket, head);
    const over = new Promise<void>((resolve) => {
      transport.handler = {
        onData: (chunk) => told.push(Buffer.from(chunk).toString()),
        onDrain() {},
        onEnd: () => {
          told.push("end");
          transport.end();
        },
        onClose: () => {
          resolve();
        },
      };
    });
    const send = (text: string): void => {
      peer.write(Buffer.from(text));
      peer.end();
    };
    return { transport, told, ended: over, send };
  }

  it("delivers what came after the head in a later turn, before everything else", async () => {
    const { told, ended: over, send } = await newTransport(Buffer.from("head"));
    expect(told).toEqual([]);
    send("rest");
    await over;
    expect(told).toEqual(["head", "rest", "end"]);
  });

  it("keeps the bytes while either the core or the application has paused it", async () => {
    const { transport, told, ended: over, send } = await newTransport(Buffer.from("head"));
    transport.hold();
    transport.pause();
    await new Promise((resolve) => void setImmediate(resolve));
    transport.resume();
    expect(told).toEqual([]);
    transport.pause();
    transport.letGo();
    transport.letGo();
    expect(told).toEqual([]);
    transport.resume();
    expect(told).toEqual(["head"]);
    send("rest");
    await over;
    expect(told).toEqual(["head", "rest", "end"]);
  });

  it("delivers nothing if it was held at once, until it is let go", async () => {
    const { transport, told, ended: over, send } = await newTransport(new Uint8Array());
    transport.hold();
    send("sixteen bytes or more");
    for (let turn = 0; turn < 4; turn++) {
      await new Promise((resolve) => void setImmediate(resolve));
    }
    expect(told).toEqual([]);
    transport.letGo();
    await over;
    expect(told).toEqual(["sixteen bytes or more", "end"]);
  });

  it("delivers the rest if it is dropped while it is held", async () => {
    const { transport, told, ended: over } = await newTransport(Buffer.from("head"));
    transport.hold();
    transport.destroy();
    await over;
    expect(told).toEqual(["head"]);
  });
});

describe.runIf(runtime === "node")("Memory of messages of framewire/ws on Node", () => {
  /** Sends texts at once, and gives the Buffers that come. */
  async function come(texts: readonly string[]): Promise<Buffer[]> {
    const { client, peer } = await pair(framewire as never);
    const told: Buffer[] = [];
    peer.on("message", (data) => told.push(data as Buffer));
    // The trial of the shared buffer takes a chunk of its own.
    const first = message(peer);
    client.send("sixteen bytes or more");
    await first;
    const over = ended(peer);
    for (const text of texts) client.send(text);
    client.close();
    await over;
    return told.slice(1);
  }

  it("is shared by those of one chunk, and by no chunk that is read later", async () => {
    const texts = ["a".repeat(40), "b".repeat(2000), "ä".repeat(3000)];
    const [a, b, c] = await come(texts);
    expect([a, b, c].map(String)).toEqual(texts);
    expect(b!.buffer).toBe(a!.buffer);
    expect(c!.buffer).toBe(a!.buffer);
    const [d] = await come([texts[1]!]);
    expect(d!.buffer).not.toBe(a!.buffer);
    expect(String(b)).toBe(texts[1]);
  });

  it("belongs to each of large messages alone, however they are cut", async () => {
    const texts = ["a".repeat(300_000), "b".repeat(100), "c".repeat(100_000), "d".repeat(70_000)];
    expect((await come(texts)).map(String)).toEqual(texts);
  });
});

describe("The address of a connection of framewire/ws", () => {
  it("is known to those who watch the channels of diagnostics when it opens", async () => {
    const seen: Connection[] = [];
    const watch = (published: unknown): void => {
      seen.push((published as { connection: Connection }).connection);
    };
    subscribe("framewire.connection.open", watch);
    later(() => void unsubscribe("framewire.connection.open", watch));
    await pair(framewire as never);
    expect(seen).toHaveLength(2);
    for (const { remoteAddress, remotePort, peer } of seen) {
      expect([remoteAddress, peer.address]).toEqual(["127.0.0.1", "127.0.0.1"]);
      expect(peer.port).toBe(remotePort);
    }
  });

  it("is not asked of the system where nobody watches, and known to the socket as with ws", async () => {
    const seen: Connection[] = [];
    const watch = (published: unknown): void => {
      seen.push((published as { connection: Connection }).connection);
    };
    const { client, peer } = await pair(framewire as never);
    subscribe("framewire.connection.close", watch);
    later(() => void unsubscribe("framewire.connection.close", watch));
    const { remoteAddress } = (peer as unknown as { _socket: { remoteAddress: string } })._socket;
    expect(remoteAddress).toBe("127.0.0.1");
    const over = Promise.all([ended(client), ended(peer)]);
    client.terminate();
    await over;
    for (const connection of seen) {
      expect([connection.remoteAddress, connection.peer.address]).toEqual([undefined, undefined]);
    }
    expect(seen).toHaveLength(2);
  });
});
