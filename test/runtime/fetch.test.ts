import { H3 } from "h3";
import { Hono } from "hono";
import { stream } from "hono/streaming";
import { afterEach, describe, expect, it } from "vitest";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import type { ServeOptions, Server } from "../../src/connection/server/serve.ts";
import { newDeferred } from "../../src/deferred.ts";
import { adapter } from "../support/adapter.ts";
import { HttpPeer } from "../support/http-peer.ts";
import { RawClient } from "../support/raw-client.ts";
import { runtime } from "../support/runtime.ts";

/** An application of the Web's kind and its WebSockets on one port, on every runtime. */

const servers: Server[] = [];
const peers: HttpPeer[] = [];

async function start(
  handlers: ServerHandlers,
  options: Partial<ServeOptions> = {},
): Promise<{ server: Server; url: string }> {
  const server = await adapter.serve(
    { port: 0, hostname: "127.0.0.1", unhandledErrors: "ignore", ...options },
    handlers,
  );
  servers.push(server);
  return { server, url: `http://127.0.0.1:${server.port}` };
}

async function clientOf({ port }: Server): Promise<HttpPeer> {
  const peer = new HttpPeer(await RawClient.connect(port));
  peers.push(peer);
  return peer;
}

afterEach(async () => {
  for (const peer of peers.splice(0)) peer.transport.destroy();
  await Promise.all(servers.splice(0).map((server) => server.shutdown({ deadline: 0 })));
});

const form = "application/x-www-form-urlencoded";

function typed(text: string, type: string, name = "content-type"): Response {
  return new Response(text, { headers: { [name]: type } });
}

function sized(text: string): Response {
  return typed(text, String(text.length), "content-length");
}

function request(line: string, ...lines: readonly string[]): string {
  return [`${line} HTTP/1.1`, "Host: localhost:80", ...lines, "", ""].join("\r\n");
}

describe(`a Hono application on ${runtime}`, () => {
  it("answers beside WebSockets and hooks, on one port", async () => {
    const app = new Hono();
    app.get("/hello/:name", (c) => c.json({ hello: c.req.param("name"), q: c.req.query("q") }));
    app.get("/where", (c) =>
      c.text(`${c.req.url} ${(c.env as { remoteAddress: string }).remoteAddress}`),
    );
    const { url, server } = await start({
      fetch: (asked, info) => app.fetch(asked, info),
      routes: {
        "/echo": { message: (ws, data) => ws.send(data) },
        "/health": { http: () => ({ body: "fine" }) },
      },
    });
    const hello = await fetch(`${url}/hello/Ann?q=1`);
    expect([hello.status, hello.headers.get("content-type")]).toEqual([200, "application/json"]);
    expect(hello.headers.get("content-length")).toBe("23");
    expect(await hello.json()).toEqual({ hello: "Ann", q: "1" });
    expect(await (await fetch(`${url}/where`)).text()).toBe(`${url}/where 127.0.0.1`);
    expect(await (await fetch(`${url}/health`)).text()).toBe("fine");
    expect((await fetch(`${url}/none`)).status).toBe(404);
    const head = await fetch(`${url}/hello/Ann`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const ws = await adapter.connect(`ws://127.0.0.1:${server.port}/echo`);
    await ws.send("Hello");
    expect(await ws.receive()).toBe("Hello");
    await ws.close();
  });

  it("takes uploads, and sends them back as they come", async () => {
    const app = new Hono();
    app.post("/size", async (c) => c.text(String((await c.req.arrayBuffer()).byteLength)));
    app.post("/echo", (c) => new Response(c.req.raw.body));
    app.post("/form", async (c) => c.text(String((await c.req.formData()).get("name"))));
    const { url } = await start(
      { fetch: (asked) => app.fetch(asked) },
      { maxBodySize: 4 * 1024 ** 2 },
    );
    const sent = new Uint8Array(1024 ** 2).map((_, i) => i * i);
    const post = (path: string, body: Uint8Array<ArrayBuffer> | FormData) =>
      fetch(url + path, { method: "POST", body });
    expect(await (await post("/size", sent)).text()).toBe(String(sent.length));
    const echo = new Uint8Array(await (await post("/echo", sent)).arrayBuffer());
    expect(Buffer.compare(echo, sent)).toBe(0);
    const form = new FormData();
    form.set("name", "Ann");
    expect(await (await post("/form", form)).text()).toBe("Ann");
  });

  it("passes a request on with headers that it has not read", async () => {
    const behind = await start({
      fetch: ({ method, headers }) => new Response(`${method} ${headers.get("x-a")}`),
    });
    const own = await start({
      fetch: async (asked) => new Response(await (await fetch(asked)).text()),
    });
    const copied = await start({
      fetch: async (asked) => new Response(await (await fetch(new Request(asked))).text()),
    });
    const host = `Host: 127.0.0.1:${behind.server.port}`;
    for (const { server } of [own, copied]) {
      const peer = await clientOf(server);
      peer.send(`GET / HTTP/1.1\r\n${host}\r\nX-A: b\r\n\r\n`);
      expect((await peer.answer(5)).at(-1)).toBe("GET b");
    }
  });

  it("streams its answers, keeps the connection, and is let finish by a shutdown", async () => {
    const gate = newDeferred<void>();
    const app = new Hono();
    app.get("/", (c) => c.text("one"));
    app.get("/stream", (c) =>
      stream(c, async (out) => {
        await out.write("first");
        await gate.promise;
        await out.write("second");
      }),
    );
    const { server } = await start({ fetch: (asked) => app.fetch(asked) });
    const peer = await clientOf(server);
    peer.send(request("GET /"), request("GET /"), request("GET /stream"));
    expect((await peer.answer(3)).at(-1)).toBe("one");
    expect(await peer.answer(3)).toContain("Connection: keep-alive");
    await peer.seen("first");
    const idle = await clientOf(server);
    idle.send(request("GET /"));
    await idle.answer(3);
    const over = server.shutdown({ deadline: 5000 });
    await idle.told("closed");
    expect(peer.text).not.toContain("second");
    gate.resolve();
    await peer.seen("second");
    await peer.told("closed");
    expect(peer.text).toMatch(/\r\n0\r\n\r\n$/);
    await over;
  });

  it("is told when the client has gone", async () => {
    const seen = newDeferred<unknown>();
    const asked = newDeferred<void>();
    const { server } = await start({
      fetch({ signal }) {
        asked.resolve();
        return new Promise<Response>(() => {
          signal.addEventListener("abort", () => {
            seen.resolve(signal.aborted);
          });
        });
      },
    });
    const peer = await clientOf(server);
    peer.send(request("GET /"));
    await asked.promise;
    peer.transport.destroy();
    expect(await seen.promise).toBe(true);
  });

  it.each<[what: string, make: () => Response, type: string | null]>([
    ["text", () => new Response("Hello"), "text/plain;charset=UTF-8"],
    ["text with letters beyond ASCII", () => new Response("\u017c"), "text/plain;charset=UTF-8"],
    ["much text", () => new Response("a".repeat(5_000_000)), "text/plain;charset=UTF-8"],
    ["an empty text", () => new Response(""), "text/plain;charset=UTF-8"],
    ["text of a told length", () => sized("Hello"), "text/plain;charset=UTF-8"],
    ["text as its headers say", () => typed("Hello", "text/html"), "text/html"],
    ["text, and other headers", () => typed("Hello", "a/b", "x-a"), "text/plain;charset=UTF-8"],
    ["a form", () => new Response(new URLSearchParams("a=b")), `${form};charset=UTF-8`],
    ["a Blob", () => new Response(new Blob(["a"], { type: "image/png" })), "image/png"],
    ["bytes that are no text", () => new Response(Uint8Array.of(0x89, 1)), null],
    ["nothing", () => new Response(null), null],
  ])("that gives a Response of %s tells its Content-Type", async (_, make, type) => {
    const { url } = await start({ fetch: () => make() });
    const response = await fetch(url);
    expect(response.headers.get("content-type")).toBe(type);
    expect(await response.text()).toBe(await make().text());
    expect((await fetch(url, { method: "HEAD" })).headers.get("content-type")).toBe(type);
  });

  it.each<[what: string, answer: () => unknown]>([
    [
      "throws",
      () => {
        throw new Error("secret");
      },
    ],
    ["rejects", () => Promise.reject(new Error("secret"))],
    ["returns what is no Response", () => "secret"],
    ["returns nothing", () => undefined],
  ])("that %s is answered for with 500", async (_, answer) => {
    const told: unknown[] = [];
    const { url } = await start(
      { fetch: answer as () => Response },
      { unhandledErrors: (error: unknown) => void told.push(error) },
    );
    const response = await fetch(url);
    expect([response.status, await response.text()]).toEqual([500, "Internal error\n"]);
    expect(told).toHaveLength(1);
  });

  it("that returns one response for two requests is answered for with 500 the second time", async () => {
    const response = new Response("one");
    const { url } = await start({ fetch: () => response });
    expect(await (await fetch(url)).text()).toBe("one");
    expect((await fetch(url)).status).toBe(500);
  });

  it.each([
    [405, "TRACE /", "Host: a"],
    [400, "GET /", "Host: %"],
  ])("is not asked what no Request can say: %i", async (status, line, host) => {
    const { server } = await start({ fetch: () => expect.unreachable() });
    const peer = await clientOf(server);
    peer.send(`${line} HTTP/1.1\r\n${host}\r\n\r\n`);
    await peer.seen(`HTTP/1.1 ${status} `);
  });
});

describe(`an h3 application on ${runtime}`, () => {
  it("answers, and gets what is posted", async () => {
    const app = new H3();
    app.get("/", () => "Hello");
    app.post("/", async (event) => ({ got: await event.req.json() }));
    const { url } = await start({ fetch: (asked) => app.fetch(asked) });
    expect(await (await fetch(url)).text()).toBe("Hello");
    const posted = await fetch(url, { method: "POST", body: '{"a":1}' });
    expect(await posted.json()).toEqual({ got: { a: 1 } });
  });
});

/** What is used of an Elysia application. Its own declarations bring Bun's global types into the whole project. */
interface ElysiaApp {
  get(path: string, handler: (context: ElysiaContext) => unknown): ElysiaApp;
  post(path: string, handler: (context: ElysiaContext) => unknown): ElysiaApp;
  fetch(request: Request): Promise<Response>;
}

interface ElysiaContext {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
}

const elysia: string = "elysia";

describe(`an Elysia application on ${runtime}`, () => {
  it("answers, gets what is posted, and streams, beside WebSockets", async () => {
    const { Elysia } = (await import(elysia)) as { Elysia: new () => ElysiaApp };
    const app = new Elysia()
      .get("/hello/:name", ({ params, query }) => ({ hello: params.name, q: query.q }))
      .post("/", ({ body }) => ({ got: body }))
      .get("/stream", async function* () {
        yield "first ";
        yield "second";
      });
    const { url, server } = await start({
      fetch: (asked) => app.fetch(asked),
      routes: { "/echo": { message: (ws, data) => ws.send(data) } },
    });
    expect(await (await fetch(`${url}/hello/Ann?q=1`)).json()).toEqual({ hello: "Ann", q: "1" });
    const posted = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: '{"a":1}',
    });
    expect(await posted.json()).toEqual({ got: { a: 1 } });
    expect(await (await fetch(`${url}/stream`)).text()).toContain("second");
    expect((await fetch(`${url}/none`)).status).toBe(404);
    const ws = await adapter.connect(`ws://127.0.0.1:${server.port}/echo`);
    await ws.send("Hello");
    expect(await ws.receive()).toBe("Hello");
    await ws.close();
  });
});
