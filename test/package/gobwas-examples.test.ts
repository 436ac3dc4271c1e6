import type { Socket } from "node:net";
import process from "node:process";
import { describe, expect, it, onTestFinished } from "vitest";
import WebSocket, { type ClientOptions } from "ws";
import { runtimeCommand } from "../../scripts/built.mjs";
import { type Program, startProgram } from "../support/program.ts";

/** Starts an example; gives it and the port that it printed. */
async function start(
  runtime: string,
  name: string,
  env: Record<string, string> = {},
): Promise<{ example: Program; port: number }> {
  const command = [...runtimeCommand(runtime), `examples/gobwas/${name}.js`];
  const example = startProgram(command, { PORT: "0", ...env });
  onTestFinished(async () => {
    await example.stop();
  });
  const [, port] = await example.line(/on ws:\/\/localhost:(\d+)/);
  return { example, port: Number(port) };
}

/** Connects a client that nobody here wrote; gives it open. */
function connect(
  port: number,
  path = "/",
  protocols: string[] = [],
  options: ClientOptions = {},
): Promise<WebSocket> {
  const ws = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, {
    perMessageDeflate: false,
    ...options,
  });
  onTestFinished(() => ws.terminate());
  return new Promise((resolve, reject) => {
    ws.on("error", reject);
    ws.on("open", () => resolve(ws));
  });
}

/** The next message, with whether it is binary. */
function next(ws: WebSocket): Promise<[text: string, isBinary: boolean]> {
  return new Promise((resolve) => {
    ws.once("message", (data, isBinary) => resolve([String(data), isBinary]));
  });
}

/** What the peer answers to a close, or ends with. */
function closed(ws: WebSocket): Promise<[status: number, reason: string]> {
  return new Promise((resolve) => {
    ws.once("close", (status, reason) => resolve([status, String(reason)]));
  });
}

async function expectEcho(ws: WebSocket): Promise<void> {
  ws.send("Hello");
  expect(await next(ws)).toEqual(["Hello", false]);
  ws.send(Buffer.from([1, 2, 3]));
  expect(await next(ws)).toEqual(["\x01\x02\x03", true]);
  ws.ping("are you there");
  const pong = await new Promise((resolve) => {
    ws.once("pong", (data) => resolve(String(data)));
  });
  expect(pong).toBe("are you there");
  const end = closed(ws);
  ws.close(4001, "bye");
  expect(await end).toEqual([4001, "bye"]);
}

describe.each(["node", "deno", "bun"])("examples/gobwas on %s", (runtime) => {
  it.each(["http", "helpers", "copy", "frames"])(
    "%s.js echoes, answers pings and closes",
    async (name) => {
      const { port } = await start(runtime, name);
      await expectEcho(await connect(port));
    },
  );

  it("http.js answers plain HTTP beside it", async () => {
    const { port } = await start(runtime, "http");
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(await response.text()).toBe("Plain HTTP here, WebSocket beside it\n");
  });

  it("copy.js echoes messages larger than its buffers, from fragments with a ping between them", async () => {
    const { port } = await start(runtime, "copy");
    const ws = await connect(port);
    const half = "x".repeat(300_000);
    const reply = next(ws);
    ws.send(half, { fin: false });
    ws.ping();
    ws.send(half, { fin: true });
    const [text, isBinary] = await reply;
    expect([text === half + half, isBinary]).toEqual([true, false]);
    await expectEcho(ws);
  });

  it("frames.js leaves fragments as they are", async () => {
    const { port } = await start(runtime, "frames");
    const ws = await connect(port);
    const reply = next(ws);
    ws.send("Hel", { fin: false });
    ws.send("lo", { fin: true });
    expect(await reply).toEqual(["Hello", false]);
  });

  it("reader-writer.js adds up numbers, also from fragments with a ping between them", async () => {
    const { port } = await start(runtime, "reader-writer");
    const ws = await connect(port);
    ws.send('{"add": [1, 2, 3]}');
    expect(await next(ws)).toEqual(['{"sum":6}', false]);
    ws.send('{"add": [4,', { fin: false });
    ws.ping();
    const reply = next(ws);
    ws.send(" 5]}", { fin: true });
    expect(await reply).toEqual(['{"sum":9}', false]);
    const end = closed(ws);
    ws.close(1000);
    expect(await end).toEqual([1000, ""]);
  });

  it.each([true, false])("compression.js echoes if the client compresses: %s", async (is) => {
    const { example, port } = await start(runtime, "compression");
    const perMessageDeflate = is ? { threshold: 0 } : false;
    const ws = await connect(port, "/", [], { perMessageDeflate });
    expect(ws.extensions).toBe(is ? "permessage-deflate" : "");
    const reply = next(ws);
    ws.send("Hello, ".repeat(100));
    expect(await reply).toEqual(["Hello, ".repeat(100), false]);
    await example.line(is ? /^\d{1,2} bytes came, of 700$/m : /^700 bytes came, of 700$/m);
    await expectEcho(ws);
  });

  it("compression.js keeps to the window that a client asks for", async () => {
    const { port } = await start(runtime, "compression");
    const ws = await connect(port, "/", [], {
      perMessageDeflate: { threshold: 0, serverMaxWindowBits: 9 },
    });
    // What comes again lies further back than the window reaches.
    const noise = Array.from({ length: 2000 }, (_, i) => ((i * i * 7919) >> 3) & 0xffff).join();
    const reply = next(ws);
    ws.send(noise + noise);
    expect(await reply).toEqual([noise + noise, false]);
  });

  it.each([true, false])(
    "compression-stream.js answers if the client compresses: %s",
    async (is) => {
      const { port } = await start(runtime, "compression-stream");
      const ws = await connect(port, "/", [], { perMessageDeflate: is });
      expect(ws.extensions).toBe(is ? "permessage-deflate" : "");
      for (const text of ["Hello, ".repeat(1000), "", "Hello, ".repeat(1000)]) {
        const reply = next(ws);
        ws.send(text);
        expect(await reply).toEqual([text.toUpperCase(), false]);
      }
      const end = closed(ws);
      ws.close(1000);
      expect(await end).toEqual([1000, ""]);
    },
  );

  it("headers.js shows the headers that are not the handshake's own", async () => {
    const { example, port } = await start(runtime, "headers");
    await connect(port, "/a?b=c", [], { headers: { "x-foo-BAR": "baz" } });
    await example.line(/request for \/a\?b=c/);
    await example.line(/non-websocket header: X-Foo-Bar: baz/);
    await example.line(/upgraded/);
  });

  it("checks.js greets a client with the cookie, with headers of its own", async () => {
    const { port } = await start(runtime, "checks");
    const ws = new WebSocket(`ws://127.0.0.1:${port}/`, ["chat.v1", "chat.v2"], {
      headers: { Host: `localhost:${port}`, Cookie: "a=b; session=secret" },
    });
    onTestFinished(() => ws.terminate());
    const headers = new Promise((resolve, reject) => {
      ws.on("error", reject);
      ws.on("upgrade", (response) => {
        resolve([response.headers["x-served-by"], response.headers["x-session"]]);
      });
    });
    const greeting = next(ws);
    expect(await headers).toEqual(["framewire", "known"]);
    expect(await greeting).toEqual(["hello secret, over chat.v1", false]);
  });

  it.each([
    ["the wrong host", { Cookie: "session=secret" }, 403, "Wrong host\n"],
    ["no cookie", { Host: "localhost" }, 401, "Who are you?\n"],
    ["a bad cookie", { Host: "localhost", Cookie: "session=secret; a b=1" }, 400, "bad cookie\n"],
  ])("checks.js refuses %s", async (_, headers, status, body) => {
    const { port } = await start(runtime, "checks");
    const ws = new WebSocket(`ws://127.0.0.1:${port}/`, { headers });
    ws.on("error", () => {});
    const answer = await new Promise((resolve) => {
      ws.on("unexpected-response", (_, response) => {
        let text = "";
        response.on("data", (chunk) => (text += String(chunk)));
        response.on("end", () => {
          resolve([response.statusCode, text, response.headers["x-served-by"]]);
        });
      });
    });
    expect(answer).toEqual([status, body, "framewire"]);
  });

  it("proxy.js passes everything on, to another server and back", async () => {
    const upstream = await start(runtime, "helpers");
    const { port } = await start(runtime, "proxy", {
      UPSTREAM: `ws://127.0.0.1:${upstream.port}`,
    });
    await expectEcho(await connect(port));
    const ws = await connect(port);
    const big = "x".repeat(300_000);
    ws.send(big);
    expect((await next(ws))[0] === big).toBe(true);
  });

  it("proxy.js ends the other side if one vanishes", async () => {
    const upstream = await start(runtime, "helpers");
    const { port } = await start(runtime, "proxy", {
      UPSTREAM: `ws://127.0.0.1:${upstream.port}`,
    });
    const ws = await connect(port);
    ws.send("Hello");
    await next(ws);
    ws.terminate();
    await upstream.example.line(/connection ended/);
    await expectEcho(await connect(port));
  });
});

describe.each(["node", "deno", "bun"])("the echo server with --low-level on %s", (runtime) => {
  it("echoes, answers pings, closes, and refuses what breaks a rule", async () => {
    const server = startProgram([
      process.execPath,
      "scripts/echo.mjs",
      runtime,
      "0",
      "--low-level",
    ]);
    onTestFinished(async () => {
      await server.stop();
    });
    const [, port] = await server.line(/listening on (\d+)/);
    await expectEcho(await connect(Number(port)));
    const ws = await connect(Number(port), "/", ["first", "second"]);
    expect(ws.protocol).toBe("first");
    const big = "x".repeat(300_000);
    ws.send(big);
    expect((await next(ws))[0] === big).toBe(true);
    const end = closed(ws);
    // A continuation that continues nothing.
    (ws as unknown as { _socket: Socket })._socket.write(Buffer.from([0x80, 0x80, 0, 0, 0, 0]));
    expect((await end)[0]).toBe(1002);
  });
});
