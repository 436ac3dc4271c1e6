import { once } from "node:events";
import { Duplex } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import {
  cleanUp,
  dial,
  ended,
  listen,
  message,
  next,
  pair,
  shapes,
} from "../../support/ws-shape.ts";

afterEach(cleanUp);

describe.each(shapes)("createWebSocketStream() of %s", (_, shape) => {
  const { createWebSocketStream } = shape;

  it("gives a Duplex that sends what is written and reads what has come", async () => {
    const { client, peer } = await pair(shape);
    const duplex = createWebSocketStream(client);
    expect(duplex).toBeInstanceOf(Duplex);
    const came = message(peer);
    duplex.write("written");
    expect(await came).toEqual(["written", true]);
    peer.send("to be read");
    const [chunk] = (await once(duplex, "data")) as [Buffer];
    expect([Buffer.isBuffer(chunk), String(chunk)]).toEqual([true, "to be read"]);
  });

  it("reads messages one by one with readableObjectMode, text as strings", async () => {
    const { client, peer } = await pair(shape);
    const duplex = createWebSocketStream(client, { readableObjectMode: true });
    peer.send("text");
    peer.send(Buffer.from("bytes"));
    peer.close();
    const read: unknown[] = [];
    for await (const chunk of duplex) read.push(chunk);
    expect(read).toEqual(["text", Buffer.from("bytes")]);
  });

  it.each<[what: string, options: object, read: unknown]>([
    ["bytes", {}, Buffer.from("onetwothree")],
    ["text, with encoding", { encoding: "utf8" }, "onetwothree"],
  ])("gives all that has come when read() is called once, as %s", async (_, options, read) => {
    const { client, peer } = await pair(shape);
    const duplex = createWebSocketStream(client, options);
    for (const part of ["one", "two", "three"]) peer.send(part);
    while (duplex.readableLength < 11) {
      await new Promise((resolve) => void setImmediate(resolve));
    }
    expect([duplex.read(null as never), duplex.read()]).toEqual([read, null]);
  });

  it("gives a part of it if a size is asked for", async () => {
    const { client, peer } = await pair(shape);
    const duplex = createWebSocketStream(client);
    for (const part of ["one", "two"]) peer.send(part);
    while (duplex.readableLength < 6) {
      await new Promise((resolve) => void setImmediate(resolve));
    }
    expect([duplex.read(2), duplex.read(4)].map(String)).toEqual(["on", "etwo"]);
  });

  it("takes encoding and decodeStrings as every Duplex does", async () => {
    const { client, peer } = await pair(shape);
    const duplex = createWebSocketStream(client, { encoding: "utf8", decodeStrings: false });
    const came = message(peer);
    duplex.write("a text");
    expect(await came).toEqual(["a text", false]);
    peer.send(Buffer.from("bytes"));
    expect(await once(duplex, "data")).toEqual(["bytes"]);
  });

  it("writes before the connection is open", async () => {
    const { server, url } = await listen(shape);
    const came = next(server as never, "connection").then(([peer]) => message(peer as never));
    const duplex = createWebSocketStream(dial(shape, url));
    duplex.write("early");
    expect(await came).toEqual(["early", true]);
    const closed = once(duplex, "close");
    duplex.end();
    duplex.resume();
    await closed;
  });

  it("holds the peer back while nobody reads, and reads on when somebody does", async () => {
    const { client, peer } = await pair(shape);
    const duplex = createWebSocketStream(client, { readableHighWaterMark: 16 * 1024 });
    const chunk = Buffer.alloc(64 * 1024, 7);
    let count = 0;
    const large = 512;
    for (let index = 0; index < large; index++) peer.send(chunk);
    peer.close();
    await once(duplex, "readable");
    expect(client.isPaused).toBe(true);
    // The sender is stuck: the system has not taken all of it.
    expect(peer.bufferedAmount).toBeGreaterThan(0);
    duplex.on("data", (data: Buffer) => (count += data.length));
    await once(duplex, "end");
    expect(count).toBe(large * chunk.length);
    expect(client.isPaused).toBe(false);
  });

  it("closes the connection when it is ended, and is closed when the connection is", async () => {
    const { client, peer } = await pair(shape);
    const duplex = createWebSocketStream(client);
    const told: string[] = [];
    for (const event of ["finish", "end", "close"]) duplex.on(event, () => told.push(event));
    const over = ended(peer);
    const closed = once(duplex, "close");
    duplex.resume();
    duplex.end("last");
    expect(await over).toEqual([1005, ""]);
    await closed;
    expect(told).toEqual(["finish", "end", "close"]);
    expect(duplex.destroyed).toBe(true);
  });

  it("ends when the peer closes, and stays until it is ended itself", async () => {
    const { client, peer } = await pair(shape);
    const duplex = createWebSocketStream(client);
    duplex.resume();
    const over = once(duplex, "end");
    peer.close();
    await over;
    const closed = once(duplex, "close");
    duplex.end();
    await closed;
  });

  it("terminates the connection when it is destroyed", async () => {
    const { client, peer } = await pair(shape);
    const duplex = createWebSocketStream(client);
    const over = ended(peer);
    const error = new Error("given up");
    const failed = new Promise((resolve) => {
      duplex.on("error", resolve);
    });
    duplex.destroy(error);
    expect(await failed).toBe(error);
    expect(await over).toEqual([1006, ""]);
  });

  it("fails with the connection's error, and does not cut off its close frame", async () => {
    const { client, peer } = await pair(shape);
    const duplex = createWebSocketStream(client);
    peer.on("error", () => {});
    const over = ended(peer);
    const failed = once(duplex, "error");
    // A reserved opcode.
    (peer as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(
      Buffer.from([0x85, 0]),
    );
    const error = await failed.then(
      () => undefined,
      (reason: unknown) => reason as { code: string },
    );
    expect(error ?? (await failed)[0]).toMatchObject({ code: "WS_ERR_INVALID_OPCODE" });
    expect(await over).toEqual([1002, ""]);
  });

  it("fails if the connection cannot be opened", async () => {
    const { server, url } = await listen(shape);
    server.close();
    const duplex = createWebSocketStream(dial(shape, url));
    duplex.write("never");
    const [error] = await new Promise<[NodeJS.ErrnoException]>((resolve) => {
      duplex.on("error", (reason) => {
        resolve([reason]);
      });
    });
    expect(error.code).toBe("ECONNREFUSED");
    expect(duplex.destroyed).toBe(true);
  });

  it("is destroyed at once if the connection is over", async () => {
    const { client } = await pair(shape);
    const duplex = createWebSocketStream(client);
    const over = ended(client);
    client.terminate();
    await over;
    const closed = once(duplex, "close");
    duplex.destroy();
    await closed;
  });
});
