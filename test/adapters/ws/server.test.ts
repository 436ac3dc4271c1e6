import { once } from "node:events";
import { get, type IncomingMessage, request as httpRequest, type Server } from "node:http";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
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
  shapes,
} from "../../support/ws-shape.ts";

afterEach(cleanUp);

const key = "dGhlIHNhbXBsZSBub25jZQ==";

/** Sends the head of a request for an upgrade, and gives all that comes back. */
async function ask(
  port: number,
  headers: Record<string, string> = {},
  first = "GET / HTTP/1.1",
): Promise<string> {
  const all = {
    Host: "127.0.0.1",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Key": key,
    "Sec-WebSocket-Version": "13",
    ...headers,
  };
  const socket = connect(port, "127.0.0.1");
  later(() => {
    socket.destroy();
  });
  const lines = Object.entries(all)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name}: ${value}`);
  socket.write(`${[first, ...lines].join("\r\n")}\r\n\r\n`);
  let answer = "";
  for await (const chunk of socket) {
    answer += String(chunk);
    if (answer.startsWith("HTTP/1.1 101") && answer.includes("\r\n\r\n")) break;
  }
  return answer;
}

describe.each(shapes)("WebSocketServer of %s", (_, shape) => {
  const { WebSocketServer } = shape;

  it("requires exactly one of port, server and noServer", async () => {
    const { http } = await httpServer();
    const text =
      /One and only one of the "port", "server", or "noServer" options must be specified/;
    for (const options of [
      {},
      { port: 0, noServer: true },
      { port: 0, server: http },
      { server: http, noServer: true },
    ]) {
      expect(() => new WebSocketServer(options)).toThrow(TypeError);
      expect(() => new WebSocketServer(options)).toThrow(text);
    }
  });

  it("reports that it listens to its callback and to listeners, and where", async () => {
    const told: string[] = [];
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" }, () => told.push("callback"));
    server.on("listening", () => told.push("listening"));
    await once(server, "listening");
    later(() => {
      server.close();
    });
    expect(told.sort()).toEqual(["callback", "listening"]);
    expect(server.address()).toMatchObject({ address: "127.0.0.1", family: "IPv4" });
  });

  it("emits an error of its HTTP server", async () => {
    const { port } = await listen(shape);
    const second = new WebSocketServer({ port, host: "127.0.0.1" });
    const [error] = (await once(second, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("EADDRINUSE");
  });

  it("has no address with noServer", () => {
    const server = new WebSocketServer({ noServer: true });
    expect(() => server.address()).toThrow('The server is operating in "noServer" mode');
  });

  it("answers plain requests with 426", async () => {
    const { port } = await listen(shape);
    const [response] = (await once(get({ port, host: "127.0.0.1" }), "response")) as [
      IncomingMessage,
    ];
    expect(response.statusCode).toBe(426);
    let body = "";
    for await (const chunk of response) body += String(chunk);
    expect(body).toBe("Upgrade Required");
  });

  it("emits each connection with its request", async () => {
    const { server, url } = await listen(shape);
    const connected = next(server as never, "connection");
    const client = dial(shape, `${url}/chat?room=1`, { headers: { "x-user": "ann" } });
    await next(client, "open");
    const [peer, request] = (await connected) as [object, IncomingMessage];
    expect(request.url).toBe("/chat?room=1");
    expect(request.headers["x-user"]).toBe("ann");
    expect(server.clients.has(peer as never)).toBe(true);
  });

  it("tracks its clients unless told not to", async () => {
    const { server, client, peer } = await pair(shape);
    expect([...server.clients]).toEqual([peer]);
    const over = ended(peer);
    client.close();
    await over;
    expect(server.clients.size).toBe(0);
    const { server: other } = await listen(shape, { clientTracking: false });
    expect(other.clients).toBeUndefined();
  });

  it("takes the upgrades of an existing server, and leaves the server open", async () => {
    const { http, url } = await httpServer();
    const server = new WebSocketServer({ server: http });
    const connected = next(server as never, "connection");
    const client = dial(shape, url);
    await next(client, "open");
    const [peer] = await connected;
    const closed = once(server, "close");
    server.close();
    expect(http.listening).toBe(true);
    expect(http.listenerCount("upgrade")).toBe(0);
    (peer as { terminate(): void }).terminate();
    await closed;
    expect(http.listening).toBe(true);
  });

  it("serves only one path with the option path", async () => {
    const { port, url } = await listen(shape, { path: "/chat" });
    await next(dial(shape, `${url}/chat?room=1`), "open");
    expect(await ask(port, {}, "GET /other HTTP/1.1")).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  it("asks shouldHandle() about each request", async () => {
    const { server, port } = await listen(shape);
    server.shouldHandle = ({ url }: IncomingMessage) => url === "/yes";
    expect(await ask(port, {}, "GET /yes HTTP/1.1")).toMatch(/^HTTP\/1\.1 101 /);
    expect(await ask(port, {}, "GET /no HTTP/1.1")).toMatch(/^HTTP\/1\.1 400 /);
  });

  it("handles an upgrade after an await, on another library's server, with what came after the head", async () => {
    const { http, port } = await httpServer();
    const server = new WebSocketServer({ noServer: true });
    const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
    http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      void turn().then(() => {
        server.handleUpgrade(request, socket, head, (ws) => {
          later(() => {
            ws.terminate();
          });
          server.emit("connection", ws, request);
        });
      });
    });
    const came = next(server as never, "connection").then(([ws]) => message(ws as never));
    const socket = connect(port, "127.0.0.1");
    later(() => {
      socket.destroy();
    });
    const head = [
      "GET / HTTP/1.1",
      "Host: a",
      "Connection: Upgrade",
      "Upgrade: websocket",
      `Sec-WebSocket-Key: ${key}`,
      "Sec-WebSocket-Version: 13",
    ];
    const frame = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]);
    socket.write(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), frame]));
    expect(await came).toEqual(["hi", false]);
  });

  it("refuses to handle a socket twice", async () => {
    const { http, url } = await httpServer();
    const server = new WebSocketServer({ noServer: true });
    const thrown = new Promise((resolve) => {
      http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        server.handleUpgrade(request, socket, head, () => {});
        try {
          server.handleUpgrade(request, socket, head, () => {});
        } catch (error) {
          resolve((error as Error).message);
        }
      });
    });
    dial(shape, url).on("error", () => {});
    expect(await thrown).toMatch(/called more than once with the same socket/);
  });

  it.each<[string, string, Record<string, string>, RegExp, string]>([
    ["another method", "POST / HTTP/1.1", {}, /^HTTP\/1\.1 405 /, "Invalid HTTP method"],
    [
      "no key",
      "GET / HTTP/1.1",
      { "Sec-WebSocket-Key": "" },
      /^HTTP\/1\.1 400 /,
      "Missing or invalid Sec-WebSocket-Key header",
    ],
    [
      "a wrong key",
      "GET / HTTP/1.1",
      { "Sec-WebSocket-Key": "P5l8BJcZwRc=" },
      /^HTTP\/1\.1 400 /,
      "Missing or invalid Sec-WebSocket-Key header",
    ],
    [
      "a wrong version",
      "GET / HTTP/1.1",
      { "Sec-WebSocket-Version": "12" },
      /Sec-WebSocket-Version: 13, 8/,
      "Missing or invalid Sec-WebSocket-Version header",
    ],
    [
      "another protocol",
      "GET / HTTP/1.1",
      { Upgrade: "foo" },
      /^HTTP\/1\.1 400 /,
      "Invalid Upgrade header",
    ],
    [
      "wrong subprotocols",
      "GET / HTTP/1.1",
      { "Sec-WebSocket-Protocol": "foo;bar" },
      /^HTTP\/1\.1 400 /,
      "Invalid Sec-WebSocket-Protocol header",
    ],
  ])(
    "refuses a request with %s, and emits wsClientError if somebody listens",
    async (_name, first, headers, answer, text) => {
      const { server, port } = await listen(shape);
      const said = await ask(port, headers, first);
      expect(said).toMatch(answer);
      expect(said).toContain(`\r\n\r\n${text}`);
      server.on("wsClientError", (error, socket) => {
        socket.end(`HTTP/1.1 418 ${error.message}\r\n\r\n`);
      });
      expect(await ask(port, headers, first)).toBe(`HTTP/1.1 418 ${text}\r\n\r\n`);
    },
  );

  it("refuses malformed extensions if it compresses", async () => {
    const { port } = await listen(shape, { perMessageDeflate: true });
    const said = await ask(port, { "Sec-WebSocket-Extensions": "permessage-deflate;" });
    expect(said).toMatch(/^HTTP\/1\.1 400 /);
    expect(said).toContain("Invalid or unacceptable Sec-WebSocket-Extensions header");
  });

  it("asks verifyClient, which answers at once", async () => {
    const asked: unknown[] = [];
    const { port } = await listen(shape, {
      verifyClient: (info: { origin: string; secure: boolean; req: IncomingMessage }) => {
        asked.push([info.origin, info.secure, info.req.url]);
        return info.req.url === "/in";
      },
    });
    expect(await ask(port, { Origin: "https://a.example" }, "GET /in HTTP/1.1")).toMatch(
      /^HTTP\/1\.1 101 /,
    );
    expect(await ask(port, {}, "GET /out HTTP/1.1")).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
    expect(asked).toEqual([
      ["https://a.example", false, "/in"],
      [undefined, false, "/out"],
    ]);
  });

  it("asks verifyClient, which answers later, with what to say", async () => {
    const { port } = await listen(shape, {
      verifyClient: (
        { req }: { req: IncomingMessage },
        done: (
          verified: boolean,
          code?: number,
          text?: string,
          headers?: Record<string, string>,
        ) => void,
      ) => {
        setImmediate(() => {
          if (req.url === "/in") done(true);
          else if (req.url === "/out") done(false);
          else done(false, 503, "Come back later", { "Retry-After": "120" });
        });
      },
    });
    expect(await ask(port, {}, "GET /in HTTP/1.1")).toMatch(/^HTTP\/1\.1 101 /);
    expect(await ask(port, {}, "GET /out HTTP/1.1")).toMatch(/^HTTP\/1\.1 401 /);
    const said = await ask(port, {}, "GET /later HTTP/1.1");
    expect(said).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/);
    expect(said).toContain("Retry-After: 120\r\n");
    expect(said).toMatch(/\r\n\r\nCome back later$/);
  });

  it("asks handleProtocols, and without it takes the first subprotocol", async () => {
    const offers = { "Sec-WebSocket-Protocol": "a, b,c" };
    const { port } = await listen(shape);
    expect(await ask(port, offers)).toContain("Sec-WebSocket-Protocol: a\r\n");
    const asked: unknown[] = [];
    const { port: second, server } = await listen(shape, {
      handleProtocols: (protocols, request) => {
        asked.push([[...protocols], request.url]);
        return protocols.has("c") ? "c" : false;
      },
    });
    const connected = next(server as never, "connection");
    expect(await ask(second, offers)).toContain("Sec-WebSocket-Protocol: c\r\n");
    const [ws] = (await connected) as [{ protocol: string }];
    expect(ws.protocol).toBe("c");
    expect(await ask(second, { "Sec-WebSocket-Protocol": "a" })).not.toContain(
      "Sec-WebSocket-Protocol",
    );
    expect(asked).toEqual([
      [["a", "b", "c"], "/"],
      [["a"], "/"],
    ]);
  });

  it("lets a listener of headers change the response", async () => {
    const { server, port } = await listen(shape);
    server.on("headers", (lines, request) => {
      expect(lines[0]).toBe("HTTP/1.1 101 Switching Protocols");
      lines.push(`X-Path: ${String(request.url)}`, "Set-Cookie: a=b");
    });
    const said = await ask(port, {}, "GET /there HTTP/1.1");
    expect(said).toContain("\r\nX-Path: /there\r\nSet-Cookie: a=b\r\n\r\n");
    expect(said).toContain("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
  });

  it("takes version 8, whose origin has a header of its own", async () => {
    const origins: unknown[] = [];
    const { port } = await listen(shape, {
      verifyClient: ({ origin }: { origin: string }) => Boolean(origins.push(origin)),
    });
    const headers = { "Sec-WebSocket-Version": "8", "Sec-WebSocket-Origin": "https://old.example" };
    expect(await ask(port, headers)).toMatch(/^HTTP\/1\.1 101 /);
    expect(origins).toEqual(["https://old.example"]);
  });

  it("closes once its connections have ended, and not before", async () => {
    const { http, url } = await httpServer();
    const server = new WebSocketServer({ server: http });
    const connected = next(server as never, "connection");
    const client = dial(shape, url);
    const [peer] = (await connected) as [typeof client];
    const told: string[] = [];
    peer.on("close", () => told.push("connection"));
    const closed = new Promise<unknown>((resolve) => {
      server.close((error) => {
        told.push("server");
        resolve(error);
      });
    });
    server.on("close", () => told.push("event"));
    client.once("open", () => {
      client.close();
    });
    expect(await closed).toBeUndefined();
    expect(told).toEqual(["connection", "server", "event"]);
    const error = await new Promise<Error | undefined>((resolve) => {
      server.close(resolve);
    });
    expect(error?.message).toBe("The server is not running");
  });

  it("closes at once without connections, with noServer and with clientTracking: false", async () => {
    for (const options of [{ noServer: true }, { noServer: true, clientTracking: false }]) {
      const server = new WebSocketServer(options);
      const closed = once(server, "close");
      server.close();
      await closed;
    }
  });

  it("answers 503 to an upgrade when it is closed", async () => {
    const { http, port } = await httpServer();
    const server = new WebSocketServer({ noServer: true });
    server.close();
    http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      server.handleUpgrade(request, socket, head, () => {});
    });
    expect(await ask(port)).toMatch(/^HTTP\/1\.1 503 /);
  });

  it("drops a socket that has failed before it is upgraded", async () => {
    const { http, port } = await httpServer();
    const server = new WebSocketServer({ noServer: true });
    const told = new Promise<string>((resolve) => {
      http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        socket.on("close", () => {
          server.handleUpgrade(request, socket, head, () => {
            resolve("upgraded");
          });
          resolve(`destroyed: ${socket.destroyed}`);
        });
        socket.destroy();
      });
    });
    await ask(port).catch(() => "");
    expect(await told).toBe("destroyed: true");
  });

  it("passes on what a program tells the HTTP server beside it", async () => {
    const { http, port } = await httpServer();
    http.on("request", (__, response) => response.end("plain"));
    const server = new WebSocketServer({ server: http as Server });
    later(() => {
      server.close();
    });
    const asking = httpRequest({ port, host: "127.0.0.1" });
    asking.end();
    const [response] = (await once(asking, "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    response.resume();
    const socket: Socket = response.socket;
    expect(socket.destroyed).toBe(false);
  });
});
