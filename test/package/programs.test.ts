import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import WebSocket, { type ClientOptions } from "ws";
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

/** Starts a program of a document on a runtime; only its import, its port, and what `changes` names are changed. */
function start(
  runtime: string,
  document: string,
  name: string,
  port: number,
  changes: Readonly<Record<string, string>> = {},
): Program {
  let text = programOf(document, name).replaceAll(/80(?:80)|8443/g, String(port));
  // Sockets of node:http are Node's on all three.
  if (!text.includes("newSocketStream")) {
    text = text.replaceAll("framewire/node", `framewire/${runtime}`);
  }
  for (const [from, to] of Object.entries(changes)) text = text.replace(from, to);
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
    ["docs/extending.md", "checksum.js", "x-checksum hello\n"],
    ["docs/extending.md", "port.js", "1000000\ntrue\n"],
    ["docs/extending.md", "proxy.js", "chat /tea: hello\n4000\n403\n"],
    ["docs/extending.md", "backplane.js", "ready ready\nhello from the other server\n"],
  ])("runs %s, %s", async (document, name, expected) => {
    const { code, output } = await start(runtime, document, name, await freePort()).ended;
    expect(output).toContain(expected);
    expect(code).toBe(0);
  });
});

/** A client of a program, connected; with what it has been told so far. */
interface Client {
  readonly ws: WebSocket;
  /** Waits until a message matches. */
  heard(pattern: RegExp): Promise<void>;
  readonly closed: Promise<readonly [status: number, reason: string]>;
}

/** Connects as soon as there is a program that listens. */
async function client(
  port: number,
  protocols: string[] = [],
  options: ClientOptions = {},
): Promise<Client> {
  // Most programs of the documents say nothing when they listen.
  const isListening = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(port, "localhost");
      // A program that ends waits for whoever is connected and says nothing.
      socket.once("connect", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
  await expect.poll(isListening, { timeout: 10_000 }).toBe(true);
  const ws = new WebSocket(`ws://localhost:${port}/`, protocols, options);
  onTestFinished(() => ws.terminate());
  const messages: string[] = [];
  const waiting = new Set<() => void>();
  ws.on("message", (data) => {
    messages.push(String(data));
    for (const look of waiting) look();
  });
  const closed = new Promise<[number, string]>((resolve) => {
    ws.on("close", (status, reason) => resolve([status, String(reason)]));
  });
  await new Promise((resolve, reject) => {
    ws.once("open", resolve);
    ws.once("error", reject);
  });
  ws.on("error", () => {});
  return {
    ws,
    closed,
    heard: (pattern) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!messages.some((message) => pattern.test(message))) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}

describe.each(["node", "deno", "bun"])("the programs of docs/low-level.md on %s", (runtime) => {
  it.each(["echo-http.js", "echo-copy.js", "echo-frames.js"])("%s echoes", async (name) => {
    const port = await freePort();
    start(runtime, "docs/low-level.md", name, port);
    const { ws, heard, closed } = await client(port);
    ws.send("x".repeat(20_000));
    await heard(/^x{20000}$/);
    ws.close(1000, "done");
    expect(await closed).toEqual([1000, "done"]);
  });

  it("headers.js and checks.js upgrade, and print what they should", async () => {
    const port = await freePort();
    const headers = start(runtime, "docs/low-level.md", "headers.js", port);
    await client(port, [], { headers: { "x-foo": "bar" } });
    await headers.line(/^non-websocket header: X-Foo=bar$/m);
    await headers.stop();
    const checks = start(runtime, "docs/low-level.md", "checks.js", port);
    const headersOf = (Cookie: string): ClientOptions => ({
      headers: { Host: "github.com", Cookie },
    });
    await client(port, [], headersOf("a=b; c=d"));
    await expect(client(port, [], headersOf("a=b; c d"))).rejects.toThrow("400");
    await checks.line(/upgrade error: HandshakeError: bad cookie/);
    await expect(client(port)).rejects.toThrow("403");
  });

  it("compressed-frames.js inflates messages, and acknowledges them", async () => {
    const port = await freePort();
    const program = start(runtime, "docs/low-level.md", "compressed-frames.js", port);
    const perMessageDeflate = { threshold: 0, serverMaxWindowBits: 9 };
    const { ws, heard } = await client(port, [], { perMessageDeflate });
    ws.send("hello ".repeat(1000));
    await heard(/^this is an acknowledgement$/);
    await program.line(/^6000 bytes$/m);
  });
});

describe.each(["node", "deno", "bun"])("chat.js of docs/from-go.md on %s", (runtime) => {
  const as = (name: string): ClientOptions => ({ headers: { Cookie: `a=b; name=${name}` } });

  it("accepts clients with a name, sends all what each says, compressed, and says good-bye", async () => {
    const port = await freePort();
    const program = start(runtime, "docs/from-go.md", "chat.js", port);
    await program.line(/chat on/);
    const ann = await client(port, ["chat.v1", "chat.v2"], as("ann"));
    await ann.heard(/^ann has come, by chat\.v1$/);
    const bob = await client(port, [], { ...as("bob"), perMessageDeflate: false });
    expect([ann.ws.extensions, bob.ws.extensions]).toEqual([
      expect.stringContaining("permessage-deflate"),
      "",
    ]);
    await ann.heard(/^bob has come, by no protocol$/);
    const long = "hello ".repeat(5000);
    ann.ws.send(long.slice(0, 9000), { fin: false });
    ann.ws.ping();
    ann.ws.send(long.slice(9000), { fin: true });
    await bob.heard(new RegExp(`^ann: ${long}$`));
    bob.ws.close(1000);
    expect((await bob.closed)[0]).toBe(1000);
    await ann.heard(/^bob has gone$/);
    const code = program.stop();
    expect(await ann.closed).toEqual([1001, "See you soon"]);
    const { output } = await program.ended;
    expect(output).toContain("everybody has gone");
    expect(await code).toBe(0);
  });

  it("refuses clients without a name, with a bad cookie or another host, and what breaks a rule or a limit", async () => {
    const port = await freePort();
    const program = start(runtime, "docs/from-go.md", "chat.js", port);
    await program.line(/chat on/);
    const refused = (options: ClientOptions): Promise<Client> => client(port, [], options);
    await expect(refused({})).rejects.toThrow("401");
    await expect(refused({ headers: { Cookie: "name=x; a b" } })).rejects.toThrow("400");
    await expect(refused({ headers: { Host: "a.example", Cookie: "name=x" } })).rejects.toThrow(
      "403",
    );
    const ann = await client(port, [], as("ann"));
    ann.ws.send("x".repeat(64 * 1024 + 1));
    expect((await ann.closed)[0]).toBe(1009);
  });

  it("sends pings, and drops silent clients", async () => {
    const port = await freePort();
    const program = start(runtime, "docs/from-go.md", "chat.js", port, { "30_000": "500" });
    await program.line(/chat on/);
    const silent = await client(port, [], { ...as("silent"), autoPong: false });
    const pinged = new Promise((resolve) => silent.ws.once("ping", resolve));
    const alive = await client(port, [], as("alive"));
    await pinged;
    expect((await silent.closed)[0]).toBe(1006);
    await alive.heard(/^silent has gone$/);
    expect(alive.ws.readyState).toBe(WebSocket.OPEN);
  });
});
