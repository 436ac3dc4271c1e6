import { Agent, type ClientRequest, type IncomingMessage } from "node:http";
import { connect as connectTcp, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { once } from "node:events";
import { createServer } from "node:http";
import type { Duplex } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import { acceptKey } from "../../../src/handshake/accept.ts";
import { hasUnixSockets } from "../../support/runtime.ts";
import {
  cleanUp,
  type ClientOptions,
  dial,
  ended,
  httpServer,
  later,
  listen,
  message,
  next,
  shapes,
} from "../../support/ws-shape.ts";

afterEach(cleanUp);

/** A server that answers each upgrade with these lines, beside what a WebSocket server has to say. */
async function answering(
  lines: (request: IncomingMessage) => readonly string[],
): Promise<{ url: string; port: number; requests: IncomingMessage[] }> {
  const { http, url, port } = await httpServer();
  const requests: IncomingMessage[] = [];
  http.on("upgrade", (request: IncomingMessage, socket: Duplex) => {
    requests.push(request);
    socket.on("error", () => {});
    socket.write(`${lines(request).join("\r\n")}\r\n\r\n`);
  });
  return { url, port, requests };
}

function switching({ headers }: IncomingMessage, ...more: string[]): string[] {
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptKey(headers["sec-websocket-key"]!)}`,
    ...more,
  ];
}

/** Gives what the error of a client says, and sees that it is closed behind it. */
async function failure(client: Parameters<typeof ended>[0]): Promise<string> {
  const told: Error[] = [];
  client.on("error", (error: Error) => told.push(error));
  expect(await ended(client)).toEqual([1006, ""]);
  expect(told).toHaveLength(1);
  return told[0]!.message;
}

describe.each(shapes)("A client of %s", (_, shape) => {
  const { WebSocket } = shape;

  it.each([
    ["no URL", "echo.example", "Invalid URL: echo.example"],
    ["nothing", undefined as unknown as string, "Invalid URL: undefined"],
    ["a number", 5 as unknown as string, "Invalid URL: 5"],
    [
      "another scheme",
      "ftp://a",
      'The URL\'s protocol must be one of "ws:", "wss:", "http:", "https:", or "ws+unix:"',
    ],
    ["a fragment", "ws://a/#b", "The URL contains a fragment identifier"],
    ["no path of a socket", "ws+unix:", "The URL's pathname is empty"],
  ])("throws a SyntaxError for %s", (_name, url, text) => {
    expect(() => new WebSocket(url)).toThrow(new SyntaxError(text));
  });

  it.each([["a b"], ["a,b"], [""], [["a", "a"]], [[5]]])(
    "throws a SyntaxError for the subprotocols %o",
    (protocols) => {
      expect(() => new WebSocket("ws://127.0.0.1:1", protocols as string[])).toThrow(
        new SyntaxError("An invalid or duplicated subprotocol was specified"),
      );
    },
  );

  it("throws a RangeError for an unknown version", () => {
    expect(() => new WebSocket("ws://127.0.0.1:1", { protocolVersion: 1000 })).toThrow(
      new RangeError("Unsupported protocol version: 1000 (supported versions: 8, 13)"),
    );
  });

  it("takes a URL object, and http for ws", async () => {
    const { url, port } = await listen(shape);
    const first = new WebSocket(new URL(`${url}/a?b`));
    await next(first, "open");
    expect(first.url).toBe(`${url}/a?b`);
    const second = new WebSocket(`http://127.0.0.1:${port}`);
    await next(second, "open");
    expect(second.url).toBe(`ws://127.0.0.1:${port}/`);
    for (const client of [first, second]) client.terminate();
  });

  it("emits upgrade with the response, before open", async () => {
    const { server, url } = await listen(shape);
    server.on("headers", (lines) => lines.push("Set-Cookie: session=1"));
    const told: unknown[] = [];
    const client = dial(shape, url);
    client.on("upgrade", (response) =>
      told.push([response.statusCode, response.headers["set-cookie"]]),
    );
    client.on("open", () => told.push("open"));
    await next(client, "open");
    expect(told).toEqual([[101, ["session=1"]], "open"]);
  });

  it("reports an unexpected response by its error", async () => {
    const { http, url } = await httpServer();
    http.on("upgrade", (__, socket) => {
      socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    });
    expect(await failure(dial(shape, url))).toBe("Unexpected server response: 404");
  });

  it("leaves an unexpected response to whoever listens for it", async () => {
    const { http, url } = await httpServer();
    http.on("upgrade", (__, socket) => {
      socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 3\r\n\r\nfoo");
    });
    const client = dial(shape, url);
    const [request, response] = (await next(client, "unexpected-response")) as [
      ClientRequest,
      IncomingMessage,
    ];
    expect(response.statusCode).toBe(401);
    let body = "";
    for await (const chunk of response) body += String(chunk);
    expect(body).toBe("foo");
    expect(client.readyState).toBe(WebSocket.CONNECTING);
    const over = ended(client);
    client.on("error", () => {});
    client.terminate();
    expect(await over).toEqual([1006, ""]);
    request.destroy();
  });

  it("reports that nobody listens there", async () => {
    const { http, port } = await httpServer();
    http.close();
    await once(http, "close");
    const client = dial(shape, `ws://127.0.0.1:${port}`);
    const errors: NodeJS.ErrnoException[] = [];
    client.on("error", (error) => errors.push(error));
    expect(await ended(client)).toEqual([1006, ""]);
    expect(errors.map(({ code }) => code)).toEqual(["ECONNREFUSED"]);
  });

  it.each<[string, (request: IncomingMessage) => string[], ClientOptions]>([
    [
      "Invalid Upgrade header",
      (request) => switching(request).map((line) => line.replace("websocket", "foo")),
      {},
    ],
    [
      "Invalid Sec-WebSocket-Accept header",
      (request) => switching(request).map((line) => line.replace(/(Accept: ).*/, "$1x")),
      {},
    ],
    [
      "Server sent a subprotocol but none was requested",
      (request) => switching(request, "Sec-WebSocket-Protocol: a"),
      {},
    ],
    [
      "Server sent an invalid subprotocol",
      (request) => switching(request, "Sec-WebSocket-Protocol: b"),
      { protocols: ["a"] },
    ],
    ["Server sent no subprotocol", (request) => switching(request), { protocols: "a" }],
    [
      "Server sent a Sec-WebSocket-Extensions header but no extension was requested",
      (request) => switching(request, "Sec-WebSocket-Extensions: permessage-deflate"),
      { perMessageDeflate: false },
    ],
    [
      "Server indicated an extension that was not requested",
      (request) => switching(request, "Sec-WebSocket-Extensions: foo"),
      {},
    ],
    [
      "Invalid Sec-WebSocket-Extensions header",
      (request) => switching(request, "Sec-WebSocket-Extensions: permessage-deflate; foo"),
      {},
    ],
    [
      "Invalid Sec-WebSocket-Extensions header",
      (request) => switching(request, "Sec-WebSocket-Extensions: foo;="),
      {},
    ],
  ])("fails: %s", async (text, lines, options) => {
    const { url } = await answering(lines);
    expect(await failure(dial(shape, url, options))).toBe(text);
  });

  it("offers compression, unless perMessageDeflate is false", async () => {
    const { url, requests } = await answering(switching);
    const offers = async (options: ClientOptions): Promise<unknown> => {
      const client = dial(shape, url, options);
      await next(client, "open");
      return requests.pop()!.headers["sec-websocket-extensions"];
    };
    expect(await offers({})).toBe("permessage-deflate; client_max_window_bits");
    expect(await offers({ perMessageDeflate: true })).toBe(
      "permessage-deflate; client_max_window_bits",
    );
    expect(await offers({ perMessageDeflate: false })).toBeUndefined();
  });

  it("sends headers, origin, credentials and subprotocols", async () => {
    const { port, requests } = await answering((request) =>
      switching(request, "Sec-WebSocket-Protocol: b"),
    );
    const client = new WebSocket(`ws://ann:s%3Aecret@127.0.0.1:${port}/path`, ["a", "b"], {
      headers: { "X-Own": "1", Cookie: "c=d" },
      origin: "https://a.example",
    });
    await next(client, "open");
    expect(client.protocol).toBe("b");
    client.terminate();
    expect(requests[0]!.url).toBe("/path");
    expect(requests[0]!.headers).toMatchObject({
      host: `127.0.0.1:${port}`,
      "x-own": "1",
      cookie: "c=d",
      origin: "https://a.example",
      authorization: `Basic ${Buffer.from("ann:s:ecret").toString("base64")}`,
      "sec-websocket-protocol": "a,b",
      "sec-websocket-version": "13",
      connection: "Upgrade",
      upgrade: "websocket",
    });
  });

  it("speaks version 8 if asked to", async () => {
    const { url, requests } = await answering(switching);
    await next(dial(shape, url, { protocolVersion: 8, origin: "https://a.example" }), "open");
    expect(requests[0]!.headers).toMatchObject({
      "sec-websocket-version": "8",
      "sec-websocket-origin": "https://a.example",
    });
  });

  it("uses the option agent", async () => {
    const { url } = await listen(shape);
    class Counting extends Agent {
      asked = 0;
      override createConnection(options: object, done: never): Socket {
        this.asked++;
        // What a proxy's agent does.
        return (
          Agent.prototype as unknown as { createConnection(...values: unknown[]): Socket }
        ).createConnection.call(this, options, done);
      }
    }
    const agent = new Counting();
    await next(dial(shape, url, { agent }), "open");
    expect(agent.asked).toBe(1);
  });

  it("uses the option createConnection", async () => {
    const { url, port } = await listen(shape);
    let asked: unknown;
    const createConnection = (options: { port: number }): Socket => {
      asked = Number(options.port);
      return connectTcp({ port, host: "127.0.0.1" });
    };
    await next(dial(shape, url, { createConnection: createConnection as never }), "open");
    expect(asked).toBe(port);
  });

  it("leaves the end of the request to finishRequest", async () => {
    const { url, requests } = await answering(switching);
    const told: unknown[] = [];
    const client = dial(shape, url, {
      finishRequest: (request, websocket) => {
        told.push(websocket);
        request.setHeader("X-Signed", "yes");
        setImmediate(() => request.end());
      },
    });
    await next(client, "open");
    expect(told).toEqual([client]);
    expect(requests[0]!.headers["x-signed"]).toBe("yes");
  });

  it("waits handshakeTimeout for a server that does not answer", async () => {
    const { http, url } = await httpServer();
    http.on("upgrade", () => {});
    expect(await failure(dial(shape, url, { handshakeTimeout: 20 }))).toBe(
      "Opening handshake has timed out",
    );
  });

  it("may be closed by a listener of upgrade", async () => {
    const { url } = await listen(shape);
    const client = dial(shape, url);
    client.on("upgrade", () => {
      client.close();
    });
    expect(await failure(client)).toBe(
      "WebSocket was closed before the connection was established",
    );
  });

  it.skipIf(!hasUnixSockets)("reaches a Unix socket with ws+unix:", async () => {
    const folder = mkdtempSync(join(tmpdir(), "ws-shape-"));
    const path = join(folder, "socket");
    const http = createServer();
    http.listen(path);
    await once(http, "listening");
    const server = new shape.WebSocketServer({ server: http });
    later(() => {
      for (const client of server.clients) client.terminate();
      http.close();
      rmSync(folder, { recursive: true, force: true });
    });
    const connected = next(server as never, "connection");
    await next(dial(shape, `ws+unix:${path}:/foo?bar=bar`), "open");
    const [, request] = (await connected) as [unknown, IncomingMessage];
    expect(request.url).toBe("/foo?bar=bar");
    expect(server.address()).toBe(path);
  });
});

/** Redirects each request to where `to` says, until it says nothing. */
async function redirecting(
  to: (url: string, port: number) => string | undefined,
): Promise<{ url: string; port: number; requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  const { http, url, port } = await httpServer();
  http.on("upgrade", (request: IncomingMessage, socket: Duplex) => {
    requests.push(request);
    socket.on("error", () => {});
    const location = to(request.url!, port);
    if (location === undefined)
      socket.write(`${switching(request).join("\r\n")}\r\n\r\n\x81\x02hi`, "latin1");
    else socket.end(`HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`);
  });
  return { url, port, requests };
}

describe.each(shapes)("A client of %s that is redirected", (name, shape) => {
  it("takes a redirect for an unexpected response, unless followRedirects is set", async () => {
    const { url } = await redirecting(() => "/");
    expect(await failure(dial(shape, url))).toBe("Unexpected server response: 302");
  });

  it("follows, with its headers, to the same host, and has the last URL", async () => {
    const { url, requests } = await redirecting((path) => (path === "/" ? "/there" : undefined));
    const headers = { authorization: "Basic Zm9vOmJhcg==", cookie: "a=b", "x-own": "1" };
    const client = dial(shape, url, { followRedirects: true, headers });
    const came = message(client);
    await next(client, "open");
    expect(client.url).toBe(`${url}/there`);
    expect(await came).toEqual(["hi", false]);
    for (const request of requests) expect(request.headers).toMatchObject(headers);
  });

  it("takes nothing secret to another host", async () => {
    const other = await redirecting(() => undefined);
    const { url } = await redirecting(() => `ws://localhost:${other.port}/`);
    const headers = {
      Authorization: "Basic Zm9vOmJhcg==",
      Cookie: "a=b",
      Host: "own.example",
      "x-own": "1",
    };
    const from = url.replace("//", "//user:password@");
    await next(dial(shape, from, { followRedirects: true, headers }), "open");
    const { authorization, cookie, host, "x-own": own } = other.requests[0]!.headers;
    expect({ authorization, cookie, host, own }).toEqual({
      authorization: undefined,
      cookie: undefined,
      host: `localhost:${other.port}`,
      own: "1",
    });
  });

  it("emits redirect before each further request, and leaves the headers to the listener", async () => {
    const other = await redirecting(() => undefined);
    const { url } = await redirecting(() => `ws://localhost:${other.port}/`);
    const client = dial(shape, url, { followRedirects: true, headers: { Authorization: "a" } });
    const told: unknown[] = [];
    client.on("redirect", (to, request) => {
      told.push([to, request.getHeader("authorization")]);
      request.setHeader("X-Redirected", "1");
    });
    await next(client, "open");
    expect(told).toEqual([[`ws://localhost:${other.port}/`, "a"]]);
    expect(other.requests[0]!.headers).toMatchObject({ authorization: "a", "x-redirected": "1" });
  });

  it("follows maxRedirects redirects and no more", async () => {
    const { url, requests } = await redirecting(() => "/");
    const options = { followRedirects: true, maxRedirects: 2 };
    expect(await failure(dial(shape, url, options))).toBe("Maximum redirects exceeded");
    expect(requests).toHaveLength(3);
  });

  it.each([
    ["another scheme", "ftp://a.example", /The URL's protocol must be one of/],
    ["a fragment", "ws://a.example/#b", /The URL contains a fragment identifier/],
    ["no URL", "http://", /Invalid URL: http:\/\//],
  ])("fails if the redirect leads to %s", async (_name, location, text) => {
    const { url } = await redirecting(() => location);
    expect(await failure(dial(shape, url, { followRedirects: true }))).toMatch(text);
  });

  it.runIf(name === "framewire/ws")(
    "sends no header of the caller's to another host with the option safe",
    async () => {
      const other = await redirecting(() => undefined);
      const { url } = await redirecting(() => `ws://localhost:${other.port}/`);
      const headers = { "x-token": "secret" };
      await next(dial(shape, url, { followRedirects: true, safe: true, headers }), "open");
      expect(other.requests[0]!.headers["x-token"]).toBeUndefined();
    },
  );
});
