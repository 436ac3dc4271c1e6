import { Blob } from "node:buffer";
import { afterEach, describe, expect, it } from "vitest";
import { cleanUp, ended, message, next, pair, type Pair, shapes } from "../../support/ws-shape.ts";

afterEach(cleanUp);

/** Gives all messages that come until the connection ends, as text with isBinary. */
async function all(peer: Pair["peer"]): Promise<unknown[]> {
  const told: unknown[] = [];
  peer.on("message", (data, isBinary) => told.push([String(data), isBinary]));
  await ended(peer);
  return told;
}

interface Sending {
  _sender: { sendFrame(list: Buffer[], done?: (error?: Error) => void): void };
}

interface Framing {
  Sender: { frame(data: Buffer, options: object): Buffer[] };
}

describe.each(shapes)("What a WebSocket of %s sends", (_, shape) => {
  it("tells each callback once, in the order of the calls", async () => {
    const { client, peer } = await pair(shape);
    const told: unknown[] = [];
    const came = all(peer);
    const done = new Promise<void>((resolve) => {
      client.send("one", (error) => told.push(["send", error ?? undefined]));
      client.send(Buffer.from("two"), { binary: false }, (error) =>
        told.push(["options", error ?? undefined]),
      );
      client.ping("three", true, (error?: Error) => told.push(["ping", error ?? undefined]));
      client.pong("four", true, (error?: Error) => {
        told.push(["pong", error ?? undefined]);
        resolve();
      });
    });
    expect(told).toEqual([]);
    await done;
    expect(told).toEqual([
      ["send", undefined],
      ["options", undefined],
      ["ping", undefined],
      ["pong", undefined],
    ]);
    client.close();
    expect(await came).toEqual([
      ["one", false],
      ["two", false],
    ]);
  });

  it("takes the callback in place of ping's and pong's other arguments", async () => {
    const { client } = await pair(shape);
    const call = client as unknown as Record<"ping" | "pong", (...values: unknown[]) => void>;
    for (const kind of ["ping", "pong"] as const) {
      await new Promise((resolve) => {
        call[kind](resolve);
      });
      await new Promise((resolve) => {
        call[kind]("data", resolve);
      });
    }
  });

  it("takes fragments, which come as one message, also of text that is cut inside of a character", async () => {
    const { client, peer } = await pair(shape);
    const came = all(peer);
    client.send("a", { fin: false });
    client.send("b", { fin: false });
    client.send("c", { fin: true });
    const bytes = Buffer.from("grüß");
    client.send(bytes.subarray(0, 3), { binary: false, fin: false });
    client.send(bytes.subarray(3), { fin: true });
    client.send(Buffer.from("x"), { fin: false });
    client.send(Buffer.from("y"));
    client.send("whole");
    client.close();
    expect(await came).toEqual([
      ["abc", false],
      ["grüß", false],
      ["xy", true],
      ["whole", false],
    ]);
  });

  it("takes Blobs, whose bytes it asks for, and keeps the order", async () => {
    const { client, peer } = await pair(shape);
    const came = all(peer);
    const pinged = next(peer, "ping");
    const told: string[] = [];
    client.send("first");
    client.send(new Blob(["second"]) as never, () => told.push("blob"));
    expect(client.bufferedAmount).toBeGreaterThanOrEqual("second".length);
    client.send("third", () => told.push("text"));
    client.ping(new Blob(["fourth"]));
    client.send(new Blob(["fifth"]) as never, { binary: false });
    client.close(1000, "behind them");
    expect(await came).toEqual([
      ["first", false],
      ["second", true],
      ["third", false],
      ["fifth", false],
    ]);
    expect(String((await pinged)[0])).toBe("fourth");
    expect(told).toEqual(["blob", "text"]);
  });

  it("takes frames that were encoded before, at _sender", async () => {
    const { client, peer } = await pair(shape);
    const { Sender } = shape as unknown as Framing;
    const options = { readOnly: false, mask: false, rsv1: false, opcode: 1, fin: true };
    const list = Sender.frame(Buffer.from("encoded once"), options);
    const came = [message(client)];
    await new Promise<void>((resolve, reject) => {
      (peer as unknown as Sending)._sender.sendFrame(list, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
    expect(await Promise.all(came)).toEqual([["encoded once", false]]);
    const second = message(client);
    (peer as unknown as Sending)._sender.sendFrame(list);
    expect(await second).toEqual(["encoded once", false]);
  });

  it("counts what is unsent in bufferedAmount, and tells a callback when it has gone", async () => {
    const { client, peer } = await pair(shape, { maxPayload: 0 });
    expect(client.bufferedAmount).toBe(0);
    const large = Buffer.alloc(32 * 1024 * 1024);
    peer.pause();
    const sent = new Promise<unknown>((resolve) => {
      client.send(large, resolve);
    });
    expect(client.bufferedAmount).toBeGreaterThan(large.length / 2);
    peer.resume();
    expect((await sent) ?? undefined).toBeUndefined();
    expect(client.bufferedAmount).toBe(0);
  });

  it("has sent what came before terminate(), as far as the system took it", async () => {
    const { client, peer } = await pair(shape);
    const came = all(peer);
    for (let count = 0; count < 100; count++) client.send(`message ${count}`);
    client.terminate();
    expect(await came).toHaveLength(100);
  });

  it("tells callbacks the error where the connection goes before the network takes it", async () => {
    const { client, peer } = await pair(shape);
    peer.pause();
    const errors: unknown[] = [];
    const over = ended(client);
    // More than any system takes at once.
    for (let count = 0; count < 4; count++) {
      client.send(Buffer.alloc(16 * 1024 * 1024), (error) => errors.push(error instanceof Error));
    }
    client.terminate();
    await over;
    await new Promise((resolve) => void setImmediate(resolve));
    expect(errors.at(-1)).toBe(true);
    expect(errors).toHaveLength(4);
  });
});
