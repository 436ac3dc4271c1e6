import { EventEmitter } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import WebSocket from "ws";
import type { Backplane, Connection } from "framewire";
import { runtimeCommand } from "../../scripts/built.mjs";
import { authority, certificate, privateKey } from "../support/certificate.ts";
import { programOf } from "../support/documents.ts";
import { type Program, startProgram } from "../support/program.ts";

/**
 * The whole programs of the documents do what is said there: as a new user has them, in a folder
 * with nothing but the package that npm would get.
 */

const folder = mkdtempSync(join(tmpdir(), "framewire-new-user-"));

/** What the pages say, and no more: a program that needs more is told wrong. */
const flags = ["--allow-net", "--allow-read"];

beforeAll(async () => {
  const pack = ["npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", folder];
  const packed = await startProgram(pack).ended;
  const tarball = join(folder, packed.output.trim().split("\n").at(-1)!);
  const target = join(folder, "node_modules/framewire");
  mkdirSync(target, { recursive: true });
  const unpack = ["tar", "-xzf", tarball, "-C", target, "--strip-components=1"];
  expect((await startProgram(unpack).ended).code, packed.output).toBe(0);
  const dependencies = { framewire: "0.1.0" };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", dependencies }));
  writeFileSync(join(folder, "ca.pem"), authority);
  writeFileSync(join(folder, "cert.pem"), certificate);
  writeFileSync(join(folder, "key.pem"), privateKey);
}, 120_000);

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A port that was free just now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a program of a document on a runtime; only its import and its port are changed. */
function start(runtime: string, document: string, name: string, port: number): Program {
  const text = programOf(document, name)
    .replaceAll("framewire/node", `framewire/${runtime}`)
    .replaceAll(/80(?:80)|8443/g, String(port));
  const file = `${document.replaceAll(/\W/g, "-")}-${runtime}-${name}`;
  writeFileSync(join(folder, file), text);
  const [command, ...rest] = runtimeCommand(runtime);
  const args = runtime === "deno" ? ["run", "--no-prompt", ...flags] : rest;
  const program = startProgram([command!, ...args, file], {}, folder);
  onTestFinished(async () => void (await program.stop()));
  return program;
}

describe("a new user's tests", () => {
  it("are those of docs/testing.md, and pass", async () => {
    for (const name of ["chat.js", "chat.test.js"]) {
      writeFileSync(join(folder, name), programOf("docs/testing.md", name));
    }
    const { code, output } = await startProgram(["node", "chat.test.js"], {}, folder).ended;
    expect(output).toMatch(/pass 2\b/);
    expect(code).toBe(0);
  });
});

/** As much of an ioredis client as docs/scaling.md uses, on a broker in memory. */
class FakeRedis extends EventEmitter {
  readonly #clients: Set<FakeRedis>;
  readonly #channels = new Set<string>();

  constructor(clients = new Set<FakeRedis>()) {
    super();
    this.#clients = clients.add(this);
  }

  duplicate(): FakeRedis {
    return new FakeRedis(this.#clients);
  }

  async subscribe(channel: string): Promise<void> {
    this.#channels.add(channel);
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#channels.delete(channel);
  }

  async publish(channel: string, message: Buffer): Promise<void> {
    for (const client of this.#clients) {
      if (!client.#channels.has(channel)) continue;
      client.emit("messageBuffer", Buffer.from(channel), Buffer.from(message));
    }
  }

  disconnect(): void {
    this.#clients.delete(this);
  }
}

describe("redis-backplane.js of docs/scaling.md", () => {
  it("brings text and bytes to the subscribers of other servers, once, and of no other topic", async () => {
    writeFileSync(join(folder, "redis.js"), programOf("docs/scaling.md", "redis-backplane.js"));
    const { redisBackplane } = (await import(join(folder, "redis.js"))) as {
      redisBackplane(redis: FakeRedis): Backplane;
    };
    // Of the same copy of the package.
    const { memoryNetwork } = (await import(
      join(folder, "node_modules/framewire/dist/memory.mjs")
    )) as typeof import("framewire/memory");
    const redis = new FakeRedis();
    const network = memoryNetwork();
    for (const port of [1, 2]) {
      const backplane = redisBackplane(redis);
      const open = (ws: Connection): void => ws.subscribe(ws.target.slice(1));
      await network.serve(
        { port, backplane },
        { open, message: (ws, data) => ws.publish("tea", data) },
      );
    }
    const [speaker, here, there, elsewhere] = await Promise.all(
      ["ws://test:1/tea", "ws://test:1/tea", "ws://test:2/tea", "ws://test:2/milk"].map((url) =>
        network.connect(url),
      ),
    );
    for (const data of ["grün", Uint8Array.of(0, 255, 1)]) {
      await speaker!.send(data);
      expect(await here!.receive()).toEqual(data);
      expect(await there!.receive()).toEqual(data);
    }
    const ends = [here, there, elsewhere].map((ws) => ws!.receive({ timeout: 200 }));
    expect((await Promise.allSettled(ends)).map(({ status }) => status)).toEqual(
      Array.from({ length: 3 }, () => "rejected"),
    );
  });
});

const begin = "docs/getting-started.md";

describe.each(["node", "deno", "bun"])("a new user on %s", (runtime) => {
  it("starts the server of docs/getting-started.md, opens its page, and talks to it by the client", async () => {
    const port = await freePort();
    const server = start(runtime, begin, "server.js", port);
    await server.line(new RegExp(`open http://localhost:${port}`));
    const page = await fetch(`http://localhost:${port}/`);
    expect(page.headers.get("content-type")).toBe("text/html");
    expect(await page.text()).toContain('log.textContent += data + "\\n"');
    const { code, output } = await start(runtime, begin, "client.js", port).ended;
    expect(output.trim().split("\n")).toEqual(["welcome", "you said hello", "closed 1000"]);
    expect(code).toBe(0);
    await server.line(/somebody left with 1000/);
  });

  it("does the same over TLS", async () => {
    const port = await freePort();
    await start(runtime, begin, "tls-server.js", port).line(/listening on wss:/);
    const { code, output } = await start(runtime, begin, "tls-client.js", port).ended;
    expect([output.trim(), code]).toEqual(["over TLS true", 0]);
  });

  it("starts the server and the client of README.md", async () => {
    const port = await freePort();
    const server = start(runtime, "README.md", "server.js", port);
    await server.line(new RegExp(`listening on ${port}`));
    const client = start(runtime, "README.md", "client.js", port);
    await client.line(/^welcome\nhello\n/);
    await client.stop();
    await server.line(/left with 1006 {2}false/);
  });

  it("starts the rooms of README.md", async () => {
    const port = await freePort();
    const program = start(runtime, "README.md", "rooms.js", port);
    const health = async (): Promise<string> =>
      (await fetch(`http://localhost:${port}/`).catch(() => undefined))?.text() ?? "";
    await expect.poll(health, { timeout: 10_000 }).toBe("healthy\n");
    const room = `ws://localhost:${port}/rooms/tea`;
    const heard = new WebSocket(`${room}?user=bob`);
    const speaker = new WebSocket(`${room}?user=ann`);
    const stranger = new WebSocket(room);
    onTestFinished(() => [heard, speaker, stranger].forEach((ws) => ws.terminate()));
    const message = new Promise((resolve) => heard.once("message", resolve));
    const refusal = new Promise((resolve) => stranger.once("error", resolve));
    await Promise.all([heard, speaker].map((ws) => new Promise((open) => ws.once("open", open))));
    speaker.send("hello");
    expect(String(await message)).toBe("ann: hello");
    expect(String(await refusal)).toContain("401");
    await program.stop();
  });

  it.each([
    ["README.md", "streams.js", "hello\n"],
    ["README.md", "frames.js", "2\n"],
    ["docs/low-level.md", "codec.js", "Hi\ntrue"],
    [
      "docs/low-level.md",
      "decoder.js",
      "opcode 1 with 2 bytes\na piece of 1\na piece of 1\ndone\n",
    ],
    ["docs/testing.md", "bad-networks.js", "20 hello\n"],
    ["docs/testing.md", "clock.js", "1001\n"],
    ["docs/testing.md", "by-hand.js", "HTTP/1.1 400 Bad Request"],
    ["docs/low-level.md", "two-endpoints.js", "client got HELLO\n{"],
  ])("runs %s, %s", async (document, name, expected) => {
    const { code, output } = await start(runtime, document, name, await freePort()).ended;
    expect(output).toContain(expected);
    expect(code).toBe(0);
  });
});
