import { once } from "node:events";
import { Agent, createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setImmediate } from "node:timers";
import { afterEach, describe, expect, it } from "vitest";
import { certificate, privateKey } from "../../support/certificate.ts";
import { hasUnixSockets } from "../../support/runtime.ts";
import {
  cleanUp,
  dial,
  ended,
  httpServer,
  later,
  listen,
  message,
  next,
  pair,
  type Shape,
  shapes,
} from "../../support/ws-shape.ts";

/**
 * What users of Bun and Deno have reported most about `ws` there: each case has the number of its thread, in oven-sh/bun and
 * denoland/deno. docs/drop-in.md has them as a table.
 */

afterEach(cleanUp);

/** A server that answers each request for an upgrade with 401. */
async function refusing(): Promise<string> {
  const { http, url } = await httpServer();
  http.on("request", (_, response) => {
    response.writeHead(401, { "X-Why": "key" });
    response.end("no");
  });
  return url;
}

/** A server with TLS whose certificate nobody has signed but itself. */
async function secureServer({ WebSocketServer }: Shape): Promise<string> {
  const https = createHttpsServer({ cert: certificate, key: privateKey });
  const server = new WebSocketServer({ server: https });
  server.on("connection", (peer) => {
    peer.on("message", (data, isBinary) => {
      peer.send(data, { binary: isBinary });
    });
  });
  https.listen(0, "127.0.0.1");
  await once(https, "listening");
  later(() => {
    for (const client of server.clients) client.terminate();
    https.close();
  });
  return `wss://127.0.0.1:${(https.address() as AddressInfo).port}`;
}

describe.each(shapes)("reported of Bun, held by %s", (_, shape) => {
  it("oven-sh/bun#31406: a client tells upgrade, with the headers of the response, in front of open", async () => {
    const { server, url } = await listen(shape);
    server.on("headers", (headers) => headers.push("X-Served-By: here"));
    const client = dial(shape, url);
    const told: string[] = [];
    client.on("upgrade", (response) => told.push(`upgrade ${response.headers["x-served-by"]}`));
    client.on("open", () => told.push("open"));
    await next(client, "open");
    expect(told).toEqual(["upgrade here", "open"]);
  });

  it("oven-sh/bun#31792: a client tells unexpected-response, with request, status, headers and body", async () => {
    const client = dial(shape, await refusing());
    const [request, response] = (await next(client, "unexpected-response")) as [
      { destroy(): void },
      AsyncIterable<Buffer> & { statusCode: number; headers: Record<string, string> },
    ];
    let body = "";
    for await (const chunk of response) body += String(chunk);
    request.destroy();
    expect([response.statusCode, response.headers["x-why"], body]).toEqual([401, "key", "no"]);
  });

  it("oven-sh/bun#36375: an error tells the status where nobody listens for the response", async () => {
    const client = dial(shape, await refusing());
    const [error] = (await next(client, "error")) as [Error];
    expect(error.message).toBe("Unexpected server response: 401");
  });

  it("oven-sh/bun#4568: createWebSocketStream gives a Duplex", async () => {
    const { client, peer } = await pair(shape);
    const duplex = shape.createWebSocketStream(client, { decodeStrings: false });
    peer.on("message", (data) => {
      peer.send(`echo ${String(data)}`);
    });
    duplex.write("hello");
    expect(String((await once(duplex, "data"))[0])).toBe("echo hello");
    duplex.destroy();
  });

  it("oven-sh/bun#3613: handleProtocols chooses the subprotocol", async () => {
    const { url } = await listen(shape, { handleProtocols: () => "second" });
    const client = new shape.WebSocket(url, ["first", "second"]);
    await next(client, "open");
    expect(client.protocol).toBe("second");
    client.terminate();
  });

  it("oven-sh/bun#23208, #18050: a client goes by its agent", async () => {
    const { url } = await listen(shape);
    const { port } = new URL(url);
    const agent = new Agent();
    const asked: number[] = [];
    // What an agent for a proxy does: it makes the connection.
    Object.assign(agent, {
      createConnection(options: { port: number }) {
        asked.push(Number(options.port));
        return connect(Number(port), "127.0.0.1");
      },
    });
    const client = dial(shape, "ws://127.0.0.1:1/", { agent });
    await next(client, "open");
    expect(asked).toEqual([1]);
  });

  it("oven-sh/bun#22750: an agent that cannot connect fails the connection, which does not go past it", async () => {
    const { server, url } = await listen(shape);
    let connections = 0;
    server.on("connection", () => connections++);
    const agent = new Agent();
    Object.assign(agent, {
      createConnection() {
        throw new Error("no such proxy");
      },
    });
    const fails = async (): Promise<void> => {
      const client = dial(shape, url, { agent });
      const [error] = (await next(client, "error")) as [Error];
      throw error;
    };
    await expect(fails()).rejects.toThrow("no such proxy");
    expect(connections).toBe(0);
  });

  it("oven-sh/bun#29493, #31396: rejectUnauthorized: false lets a self-signed certificate pass, and nothing else does", async () => {
    const url = await secureServer(shape);
    const strict = dial(shape, url);
    const [error] = (await next(strict, "error")) as [Error];
    expect(error).toBeInstanceOf(Error);
    const client = dial(shape, url, { rejectUnauthorized: false });
    await next(client, "open");
    const echo = message(client);
    client.send("over TLS");
    expect(await echo).toEqual(["over TLS", false]);
  });

  it("oven-sh/bun#33801: a client keeps to maxPayload", async () => {
    const { client, peer } = await pair(shape, {}, { maxPayload: 1024 });
    const failed = next(client, "error");
    const over = ended(peer);
    peer.send("x".repeat(100_000));
    expect((await failed)[0]).toMatchObject({ code: "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH" });
    expect(await over).toEqual([1009, ""]);
  });

  it("oven-sh/bun#33801: a client keeps to handshakeTimeout", async () => {
    const silent = createServer((socket) => socket.on("error", () => {}));
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    later(() => silent.close());
    const { port } = silent.address() as AddressInfo;
    const client = dial(shape, `ws://127.0.0.1:${port}`, { handshakeTimeout: 20 });
    const [error] = (await next(client, "error")) as [Error];
    expect(error.message).toBe("Opening handshake has timed out");
  });

  it("oven-sh/bun#39642: handleUpgrade may come after an await", async () => {
    const { http, url } = await httpServer();
    const server = new shape.WebSocketServer({ noServer: true });
    http.on("upgrade", async (request, socket, head) => {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      server.handleUpgrade(request, socket, head, (peer) => {
        peer.send("later");
      });
    });
    expect(await message(dial(shape, url))).toEqual(["later", false]);
  });

  it("oven-sh/bun#31760: bufferedAmount of a client counts what a peer does not read", async () => {
    const { client, peer } = await pair(shape);
    peer.pause();
    for (let i = 0; i < 64; i++) client.send(Buffer.alloc(1024 * 1024));
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    expect(client.bufferedAmount).toBeGreaterThan(16 * 1024 * 1024);
  });

  it("oven-sh/bun#2986: send() tells its callback", async () => {
    const { client } = await pair(shape);
    const told = await new Promise((resolve) => {
      client.send("x", (error) => {
        resolve(error ?? "sent");
      });
    });
    expect(told).toBe("sent");
  });

  it("websockets/ws#2258: a server's ping is told to the client, and its pong to the server", async () => {
    const { client, peer } = await pair(shape);
    const both = Promise.all([next(client, "ping"), next(peer, "pong")]);
    peer.ping("beat");
    expect((await both).map(([data]) => String(data))).toEqual(["beat", "beat"]);
  });

  it("oven-sh/bun#43013: terminate() ends a TLS connection to a peer that reads no more", async () => {
    const client = dial(shape, await secureServer(shape), { rejectUnauthorized: false });
    await next(client, "open");
    const over = ended(client);
    client.pause();
    client.terminate();
    expect(await over).toEqual([1006, ""]);
  });

  it.runIf(hasUnixSockets)("oven-sh/bun#4423: a client connects to ws+unix:", async () => {
    const path = join(tmpdir(), `reported-${process.pid}-${Math.random()}.sock`);
    const http = createHttpServer();
    const server = new shape.WebSocketServer({ server: http });
    server.on("connection", (peer, request) => {
      peer.send(request.url!);
    });
    http.listen(path);
    await once(http, "listening");
    later(() => {
      http.close();
      void rm(path, { force: true });
    });
    const client = dial(shape, `ws+unix:${path}:/a?b=c`);
    expect(await message(client)).toEqual(["/a?b=c", false]);
    client.terminate();
  });
});

describe.each(shapes)("reported of Deno, held by %s", (_, shape) => {
  it("denoland/deno#27106: a server takes the upgrades of an HTTP server that answers requests", async () => {
    const { http, url } = await httpServer();
    http.on("request", (_request, response) => {
      response.end("page");
    });
    const server = new shape.WebSocketServer({ server: http, path: "/signal" });
    server.on("connection", (peer) => {
      peer.send("joined");
    });
    expect(await message(dial(shape, `${url}/signal`))).toEqual(["joined", false]);
    const page = await fetch(url.replace(/^ws/, "http"));
    expect(await page.text()).toBe("page");
  });

  it("denoland/deno#17496, #17847: 101 is an upgrade, and no unexpected response", async () => {
    const { url } = await listen(shape);
    const client = dial(shape, url);
    const told: string[] = [];
    client.on("unexpected-response", () => told.push("unexpected-response"));
    client.on("upgrade", () => told.push("upgrade"));
    await next(client, "open");
    expect(told).toEqual(["upgrade"]);
  });

  it("denoland/deno#28654: a program may refuse an upgrade by writing to its socket", async () => {
    const { http, url } = await httpServer();
    http.on("upgrade", (_request, socket) => {
      socket.write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
      socket.end();
    });
    const [error] = (await next(dial(shape, url), "error")) as [Error];
    expect(error.message).toBe("Unexpected server response: 404");
  });

  it("denoland/deno#28654: an upgrade of a socket that a program has ended comes to nothing, and hangs nobody", async () => {
    const { http, url } = await httpServer();
    const server = new shape.WebSocketServer({ noServer: true });
    let opened = 0;
    http.on("upgrade", (request, socket, head) => {
      socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
      server.handleUpgrade(request, socket, head, () => opened++);
    });
    const client = dial(shape, url);
    const failed = next(client, "error");
    expect(await ended(client)).toEqual([1006, ""]);
    expect((await failed)[0]).toMatchObject({ message: "Unexpected server response: 404" });
    expect(opened).toBe(0);
  });

  it("denoland/deno#33358: 401 in the handshake is an error of the client, and ends nothing else", async () => {
    const url = await refusing();
    for (let i = 0; i < 2; i++) {
      const client = dial(shape, url);
      const over = ended(client);
      const [error] = (await next(client, "error")) as [Error];
      expect(error.message).toBe("Unexpected server response: 401");
      expect(await over).toEqual([1006, ""]);
    }
  });

  it("denoland/deno#27694, #27802: a client connects over TLS, many times", async () => {
    const url = await secureServer(shape);
    for (let i = 0; i < 3; i++) {
      const client = dial(shape, url, { rejectUnauthorized: false });
      await next(client, "open");
      const echo = message(client);
      client.send(`number ${i}`);
      expect(await echo).toEqual([`number ${i}`, false]);
      const over = ended(client);
      client.close(1000);
      expect(await over).toEqual([1000, ""]);
    }
  });

  it("denoland/deno#19507: a client takes the connection that createConnection makes", async () => {
    const { url } = await listen(shape);
    const { port } = new URL(url);
    let made: Socket | undefined;
    const createConnection = (): Socket => (made = connect(Number(port), "127.0.0.1"));
    const client = dial(shape, "ws://elsewhere.invalid/", { createConnection });
    await next(client, "open");
    expect((client as unknown as { _socket: Socket })._socket).toBe(made);
  });
});
