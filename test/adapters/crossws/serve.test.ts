import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import {
  type HookServeOptions,
  type RunningServer,
  serveOn,
} from "../../../adapters/crossws/serve.ts";
import { adapter } from "../../support/adapter.ts";
import { cleanUpHooks, HookClient } from "../../support/hooks-shape.ts";
import { runtime } from "../../support/runtime.ts";

afterEach(cleanUpHooks);

async function start(options: HookServeOptions): Promise<{ server: RunningServer; url: string }> {
  const serve = serveOn(adapter.listenTransport, runtime);
  const server = await serve({ port: 0, hostname: "127.0.0.1", ...options }).ready();
  onTestFinished(() => server.close());
  return { server, url: server.url!.replace(/^http/, "ws") };
}

describe("serve()", () => {
  it("serves an application and hooks on one port", async () => {
    const { server, url } = await start({
      fetch: (request: Request) => new Response(`plain ${new URL(request.url).pathname}`),
      websocket: { message: (peer, message) => void peer.send(message.text()) },
    });
    expect(await (await fetch(`${server.url!}a`)).text()).toBe("plain /a");
    const client = new HookClient(`${url}b`);
    await client.next();
    client.socket.send("echo");
    expect(await client.next()).toBe("text echo");
    expect([...server.websocket.peers.keys()]).toEqual(["/b"]);
    expect(server.server.counters.open).toBe(1);
  });

  it("asks the application for hooks if it is given none", async () => {
    const { url } = await start({
      fetch: () => ({ crossws: { open: (peer: { send(text: string): void }) => peer.send("hi") } }),
    });
    const client = new HookClient(url);
    expect([await client.next(), await client.next()]).toEqual(["open", "text hi"]);
  });

  it("limits bodies if told to", async () => {
    const echo = async (request: Request): Promise<Response> => new Response(await request.text());
    const body = "x".repeat(2 * 1024 * 1024);
    const free = await start({ fetch: echo });
    expect((await fetch(free.server.url!, { method: "POST", body })).status).toBe(200);
    const small = await start({ fetch: echo, maxRequestBodySize: 10 });
    expect((await fetch(small.server.url!, { method: "POST", body })).status).toBe(413);
  });

  it("has no URL before it listens, and rejects if it cannot listen", async () => {
    const { server } = await start({ fetch: () => new Response() });
    const { port } = new URL(server.url!);
    const serve = serveOn(adapter.listenTransport, runtime);
    const second = serve({ port, hostname: "127.0.0.1", fetch: () => new Response() });
    expect(second.url).toBeUndefined();
    await expect(second.ready()).rejects.toMatchObject({ code: "ADDRESS_IN_USE" });
  });

  it("closes all connections", async () => {
    const { server, url } = await start({ fetch: () => ({ crossws: {} }) });
    const client = new HookClient(url);
    await client.next();
    await server.close();
    expect(await client.next()).toBe("close 1001");
  });
});
