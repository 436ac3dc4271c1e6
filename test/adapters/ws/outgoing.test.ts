import { Blob } from "node:buffer";
import type { Socket } from "node:net";
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
  it("calls each callback once, in the order of the calls", async () => {
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

  it("accepts the callback in place of ping's and pong's other arguments", async () => {
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

  it("accepts fragments of one message, even of text that is cut inside a character", async () => {
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

  it("accepts Blobs, asks for their bytes, and keeps the order", async () => {
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

  it("is closing from close() on, though a Blob is still being read", async () => {
    const { client, peer } = await pair(shape);
    const came = all(peer);
    client.send(new Blob(["in time"]) as never);
    client.close(4000, "behind it");
    expect(client.readyState).toBe(shape.WebSocket.CLOSING);
    const late = new Promise((resolve) => {
      client.send("late", (error) => {
        resolve(error?.message);
      });
    });
    expect(await late).toBe("WebSocket is not open: readyState 2 (CLOSING)");
    expect(await came).toEqual([["in time", true]]);
  });

  it("calls the callbacks of a Blob, and of what waits behind it, when it is terminated", async () => {
    const { client } = await pair(shape);
    const told: unknown[] = [];
    const tell = (error?: Error): void => void told.push(error?.message);
    const over = ended(client);
    client.send(new Blob(["a"]) as never, tell);
    client.send("b", tell);
    client.ping("c", undefined, tell);
    client.terminate();
    await over;
    const message = "The socket was closed while the blob was being read";
    expect(told).toEqual([message, message, message]);
  });

  it("drops the connection if the bytes of a Blob cannot be read, emits error and calls each callback", async () => {
    const { client, peer } = await pair(shape);
    const blob = new Blob(["a"]);
    const gone = new Error("gone");
    Object.defineProperty(blob, "arrayBuffer", { value: () => Promise.reject(gone) });
    const told: unknown[] = [];
    const failed = next(client, "error");
    const over = Promise.all([ended(client), all(peer)]);
    client.send(blob as never, (error) => told.push(error));
    client.send("never", (error) => told.push(error));
    expect(await failed).toEqual([gone]);
    expect(await over).toEqual([[1006, ""], []]);
    expect(told).toEqual([gone, gone]);
  });

  it("throws for a control frame that is too long, even behind a Blob, or made of one", async () => {
    const { client, peer } = await pair(shape);
    const came = all(peer);
    const long = "x".repeat(126);
    const message = "The data size must not be greater than 125 bytes";
    expect(() => client.ping(new Blob([long]))).toThrow(message);
    client.send(new Blob(["a"]) as never);
    expect(() => client.pong(long)).toThrow(message);
    client.ping();
    client.close();
    expect(await came).toEqual([["a", true]]);
  });

  it("accepts encoded frames at _sender", async () => {
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

  it("counts unsent bytes in bufferedAmount, and calls a callback when its bytes have left", async () => {
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

  it("calls the callback of a small message when the system has it, though little is unsent", async () => {
    const { client, peer } = await pair(shape, { maxPayload: 0 });
    client.pause();
    const filling = Buffer.alloc(64 * 1024);
    do {
      peer.send(filling);
      await new Promise((resolve) => void setImmediate(resolve));
    } while (peer.bufferedAmount === 0);
    const told: string[] = [];
    const names = ["message", "ping", "piece", "last piece"];
    const done = new Promise<void>((resolve) => {
      const tell = (name: string) => () => {
        if (told.push(name) === names.length) resolve();
      };
      peer.send("small", tell("message"));
      peer.ping("", false, tell("ping"));
      peer.send("piece", { fin: false }, tell("piece"));
      peer.send("", { fin: true }, tell("last piece"));
    });
    for (let turn = 0; turn < 5; turn++) {
      await new Promise((resolve) => void setImmediate(resolve));
    }
    expect(told).toEqual([]);
    client.resume();
    await done;
    expect(told.toSorted()).toEqual(names.toSorted());
  });

  it("has sent what came before terminate(), as far as the system took it", async () => {
    const { client, peer } = await pair(shape);
    const came = all(peer);
    for (let count = 0; count < 100; count++) client.send(`message ${count}`);
    client.terminate();
    expect(await came).toHaveLength(100);
  });

  it("calls callbacks with the error if the connection ends before the network takes the message", async () => {
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

  it.each([
    ["wait for the network", false],
    ["wait to be compressed", { threshold: 0 }],
  ])(
    "calls the callbacks of messages that %s before close when the socket is lost",
    async (_, perMessageDeflate) => {
      const { client, peer } = await pair(shape, { perMessageDeflate }, { perMessageDeflate });
      client.pause();
      const told: unknown[] = [];
      const tell = (): void => void told.push(peer.readyState < peer.CLOSED);
      const over = ended(peer);
      peer.on("close", () => told.push("close"));
      // More than any system takes at once.
      peer.send(Buffer.alloc(16 * 1024 * 1024), tell);
      peer.send("behind it", tell);
      (peer as unknown as { _socket: Socket })._socket.destroy();
      await over;
      await new Promise((resolve) => void setImmediate(resolve));
      expect(told).toEqual([true, true, "close"]);
    },
  );
});

describe("_sender of framewire/ws", () => {
  const [, shape] = shapes.at(-1)!;
  const { Sender } = shape as unknown as Framing;
  const text = (data: string, options: object = {}): Buffer[] =>
    Sender.frame(Buffer.from(data), { opcode: 1, fin: true, readOnly: true, ...options });

  it("sends a message of encoded frames behind one that is under way, as any other", async () => {
    const { client, peer } = await pair(shape);
    const came = all(client);
    const { _sender: sender } = peer as unknown as Sending;
    const done = new Promise<unknown>((resolve) => {
      peer.send("one, ", { fin: false });
      sender.sendFrame(text("two"), resolve);
      peer.send("in pieces", { fin: true });
    });
    expect((await done) ?? undefined).toBeUndefined();
    peer.close();
    expect(await came).toEqual([
      ["one, in pieces", false],
      ["two", false],
    ]);
  });

  it("masks frames on a client, and sends frames that form no message as they are", async () => {
    const { client, peer } = await pair(shape);
    const came = all(peer);
    const pinged = next(peer, "ping");
    const { _sender: sender } = client as unknown as Sending;
    sender.sendFrame(text("masked here"));
    sender.sendFrame(text("masked there", { mask: true }));
    await new Promise((resolve) => {
      sender.sendFrame(text("a ping", { opcode: 9, mask: true }), resolve);
    });
    expect(String((await pinged)[0])).toBe("a ping");
    client.close();
    expect(await came).toEqual([
      ["masked here", false],
      ["masked there", false],
    ]);
  });
});
