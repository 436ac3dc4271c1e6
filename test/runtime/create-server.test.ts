import { afterEach, describe, expect, it } from "vitest";
import type { Server } from "../../src/connection/server/serve.ts";
import { adapter } from "../support/adapter.ts";
import { Ends } from "../support/ends.ts";
import { runtime } from "../support/runtime.ts";

const ends = new Ends();
const servers: Server[] = [];

afterEach(async () => {
  await ends.finish();
  await Promise.all(servers.splice(0).map((server) => server.shutdown({ deadline: 0 })));
});

function create(options: Parameters<typeof adapter.createServer>[0]): Server {
  const server = adapter.createServer(options, { message: (ws, data) => ws.send(data) });
  servers.push(server);
  return server;
}

describe(`createServer() on ${runtime}`, () => {
  it("gives a server at once, which serves as soon as it listens", async () => {
    const server = create({ port: 0, hostname: "127.0.0.1" });
    await server.listening;
    const ws = await ends.connect(`ws://127.0.0.1:${server.port}/`);
    void ws.send("Hello");
    expect(await ws.receive()).toBe("Hello");
  });

  it("says by listening that a port is taken, or that there is none to listen on", async () => {
    const first = create({ port: 0, hostname: "127.0.0.1" });
    await first.listening;
    const second = create({ port: first.port, hostname: "127.0.0.1" });
    await expect(second.listening).rejects.toMatchObject({ code: "ADDRESS_IN_USE" });
    await expect(create({}).listening).rejects.toThrow(TypeError);
  });

  it("listens no more where it was shut down before it did", async () => {
    const server = create({ port: 0, hostname: "127.0.0.1" });
    await server.shutdown();
    const { port } = server;
    expect(port).toBeGreaterThan(0);
    await expect(adapter.connect(`ws://127.0.0.1:${port}/`)).rejects.toMatchObject({
      code: "REFUSED",
    });
  });
});

describe(`what was sent, on ${runtime}`, () => {
  it("is told when the system has it, in order, and with the error where it never will", async () => {
    const told: string[] = [];
    const { url, opened } = await ends.serve({ message() {} });
    const ws = await ends.connect(url);
    const ours = await opened;
    await Promise.all(
      ["a", "b", "c"].map(
        (name) =>
          new Promise<void>((resolve) => {
            void ours.send(new Uint8Array(100_000), {
              sent(error) {
                told.push(error === undefined ? name : error.name);
                resolve();
              },
            });
          }),
      ),
    );
    expect(told).toEqual(["a", "b", "c"]);
    for (let i = 0; i < 3; i++) expect(await ws.receive()).toHaveLength(100_000);
    ours.terminate();
    const error = await new Promise((resolve) => void ours.send("late", { sent: resolve }));
    expect(error).toMatchObject({ name: "ClosedError" });
  });

  it("is delivered where terminate() follows at once", async () => {
    const { url, opened } = await ends.serve();
    const received: unknown[] = [];
    const ws = await ends.connect(url, {}, { message: (_, data) => void received.push(data) });
    const ours = await opened;
    void ours.send("last words");
    ours.terminate();
    expect(await ws.closed).toMatchObject({ status: 1006 });
    if (runtime !== "deno") expect(received).toEqual(["last words"]);
  });
});
