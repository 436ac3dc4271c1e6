import { describe, expect, it } from "vitest";
import { type MemoryNetworkOptions, memoryNetwork } from "../../../adapters/memory/index.ts";
import { zlibEngine } from "../../../adapters/zlib/engine.ts";
import { collectGarbage } from "../../support/runtime.ts";
import { nameOf } from "../../support/server.ts";
import { macrotask } from "../../support/turns.ts";

describe("memoryNetwork()", () => {
  it("joins servers and clients by their ports", async () => {
    const network = memoryNetwork();
    await using plain = await network.serve({ port: 80 }, { open: (ws) => ws.send("plain") });
    await using secure = await network.serve({ port: 443 }, { open: (ws) => ws.send("secure") });
    await using other = await network.serve({ port: 0 }, { open: (ws) => ws.send("other") });
    expect([plain.port, secure.port]).toEqual([80, 443]);
    expect(other.port).toBeGreaterThan(1024);
    const answers = await Promise.all(
      ["ws://a", "wss://a", `ws://a:${other.port}`].map(async (url) => {
        await using ws = await network.connect(url);
        return ws.receive();
      }),
    );
    expect(answers).toEqual(["plain", "secure", "other"]);
    expect(network.pairs).toHaveLength(3);
  });

  it("refuses to connect if nobody listens, and to listen on a port that is taken", async () => {
    const network = memoryNetwork();
    await expect(network.connect("ws://a")).rejects.toMatchObject({ code: "REFUSED" });
    const server = await network.serve({ port: 80 }, {});
    await expect(network.serve({ port: 80 }, {})).rejects.toMatchObject({ code: "ADDRESS_IN_USE" });
    await server.shutdown();
    await expect(network.connect("ws://a")).rejects.toMatchObject({ code: "REFUSED" });
    await using again = await network.serve({ port: 80 }, {});
    await server.shutdown();
    expect(again.hostname).toBe("memory");
    await using ws = await network.connect("ws://a");
    expect(ws.state).toBe("open");
  });

  it("uses the runtime's services that it is given", async () => {
    const network = memoryNetwork({ host: { engine: zlibEngine() } });
    await using server = await network.serve({ port: 80, compression: true }, {});
    await using ws = await network.connect("ws://a", { compression: true });
    expect([server.counters.open, ws.extensions.split(";")[0]]).toEqual([1, "permessage-deflate"]);
  });

  it("cuts each connection in its own way", async () => {
    const network = memoryNetwork({ seed: 5, cut: 10 });
    await using server = await network.serve({ port: 80 }, {});
    await using one = await network.connect("ws://a");
    await using two = await network.connect("ws://a");
    expect([server.counters.open, one.state, two.state]).toEqual([2, "open", "open"]);
    const [first, second] = network.pairs.map(([client]) => client.operations);
    expect(first).not.toBe(second);
  });
});

/** A conversation of both sides with all that there is: fragments, compression, control frames, the closing handshake. */
async function converse(options: MemoryNetworkOptions) {
  const network = memoryNetwork({ host: { engine: zlibEngine() }, ...options });
  const lines: string[] = [];
  const outcomes: Promise<unknown>[] = [];
  const watch = (promise: Promise<unknown>): void => {
    outcomes.push(promise.catch(() => {}));
  };
  const server = await network.serve(
    { port: 80, compression: { threshold: 0 }, highWaterMark: 100, closeTimeout: 0 },
    {
      async message(ws, data) {
        lines.push(`server message ${data.length}`);
        watch(ws.ping());
        await ws.send(data);
      },
      drain: () => Promise.resolve(),
      error: (_, error) => void lines.push(`server error ${nameOf(error)}`),
      close: (_, { status, clean }) => void lines.push(`server close ${status} ${clean}`),
    },
  );
  const opening = network.connect(
    "ws://a",
    { compression: { threshold: 0 }, closeTimeout: 0, timeout: 0 },
    {
      message: (_, data) => void lines.push(`client message ${data.length}`),
      error: (_, error) => void lines.push(`client error ${nameOf(error)}`),
      close: (_, { status, clean }) => void lines.push(`client close ${status} ${clean}`),
    },
  );
  const ws = await opening.catch((error: unknown) => {
    lines.push(`client refused ${nameOf(error)}`);
  });
  if (ws?.state === "open") {
    watch(ws.send("x".repeat(300)));
    const writer = ws.beginMessage({ binary: true });
    for (let i = 0; i < 3; i++) watch(writer.write(new Uint8Array(100)));
    watch(writer.close());
    watch(ws.sendStream(["in ", "pieces"]));
    watch(ws.send("last"));
    while (lines.filter((line) => line.startsWith("client message")).length < 4) {
      if (ws.state !== "open") break;
      await macrotask();
    }
    watch(ws.close(1000));
  }
  await ws?.closed;
  await Promise.all(outcomes);
  await server.shutdown({ deadline: 0 });
  const operations = network.pairs[0]![0].operations;
  return { lines, operations };
}

/** What each side saw, without what lies between the two. */
function sides(lines: readonly string[]): string[][] {
  return ["server", "client"].map((side) => lines.filter((line) => line.startsWith(side)));
}

describe("a conversation", () => {
  it("is the same for both sides whatever the pieces, the delays and the room", async () => {
    const plain = sides((await converse({})).lines);
    expect(plain).toEqual([
      [
        "server message 300",
        "server message 300",
        "server message 4",
        "server message 9",
        "server close 1000 true",
      ],
      [
        "client message 300",
        "client message 300",
        "client message 4",
        "client message 9",
        "client close 1000 true",
      ],
    ]);
    for (let seed = 1; seed <= 40; seed++) {
      const options = { seed, cut: 1 + (seed % 9), delay: seed % 7, capacity: 1 + (seed % 50) };
      expect(sides((await converse(options)).lines), `seed ${seed}`).toEqual(plain);
    }
  });

  it("ends once for each side if it breaks at any operation, and every promise settles", async () => {
    const setup = { seed: 1, cut: 40, delay: 2, capacity: 64 };
    const { operations } = await converse(setup);
    expect(operations).toBeGreaterThan(40);
    let broken = 0;
    for (let failAt = 1; failAt <= operations; failAt++) {
      const { lines } = await converse({ ...setup, failAt });
      const [server, client] = sides(lines);
      const ends = client!.filter((line) => /close|refused/.test(line));
      expect(ends, `operation ${failAt}`).toHaveLength(1);
      expect(server!.filter((line) => line.includes("close")).length).toBeLessThan(2);
      for (const own of [server!, client!]) {
        const end = own.findIndex((line) => line.includes("close"));
        expect(end === -1 || end === own.length - 1, `operation ${failAt}`).toBe(true);
      }
      if (!ends[0]!.includes("1000 true")) broken++;
    }
    // Only the last few, behind the closing handshake, are too late to harm.
    expect(broken).toBeGreaterThan(operations * 0.8);
    collectGarbage();
    await macrotask();
  });
});
