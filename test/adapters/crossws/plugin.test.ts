import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { infoOf, type PluginOptions, pluginOn } from "../../../adapters/crossws/plugin.ts";
import type { Listen } from "../../../src/transport.ts";
import { adapter } from "../../support/adapter.ts";
import { certificate, privateKey } from "../../support/certificate.ts";
import { cleanUpHooks, HookClient, Journal } from "../../support/hooks-shape.ts";
import { runtime } from "../../support/runtime.ts";

afterEach(cleanUpHooks);

/** The server that h3 and Nitro run on, of the runtime at hand. */
const modules = {
  node: () => import("srvx/node"),
  deno: () => import("srvx/deno"),
  bun: () => import("srvx/bun"),
};
const srvx = await modules[runtime]();

type Options = Partial<Parameters<typeof srvx.serve>[0]>;

/** A server that listens, and where. */
interface Started {
  readonly server: ReturnType<typeof srvx.serve>;
  readonly url: string;
}

/** A server with the plugin, which listens. */
async function start(options: PluginOptions, more: Options = {}): Promise<Started> {
  const server = srvx.serve({
    port: 0,
    hostname: "127.0.0.1",
    silent: true,
    gracefulShutdown: false,
    fetch: (request) => new Response(`plain ${request.ip}`),
    plugins: [pluginOn(adapter.listenTransport)(options)],
    ...more,
  });
  await server.ready();
  onTestFinished(() => server.close(true));
  return { server, url: server.url!.replace(/^http/, "ws") };
}

describe("plugin()", () => {
  it("takes connections, and leaves plain requests to the application and its middleware", async () => {
    const { server, url } = await start(
      { message: (peer, message) => void peer.send(message.text()) },
      {
        middleware: [
          async (_, next) => {
            const response = await next();
            return new Response(await response.text(), { headers: { "x-by": "middleware" } });
          },
        ],
      },
    );
    const client = new HookClient(url);
    expect(await client.next()).toBe("open");
    client.socket.send("echo");
    expect(await client.next()).toBe("text echo");
    const response = await fetch(server.url!);
    expect(response.headers.get("x-by")).toBe("middleware");
    expect(await response.text()).toBe("plain 127.0.0.1");
  });

  it("asks the application for hooks if it is given none", async () => {
    const { url } = await start(
      {},
      {
        fetch(request) {
          if (new URL(request.url).pathname !== "/ws") return new Response("no", { status: 404 });
          const hooks = { open: (peer: { send(data: string): void }) => peer.send("hello") };
          return Object.assign(new Response(null, { status: 426 }), { crossws: hooks });
        },
      },
    );
    const client = new HookClient(`${url}ws`);
    expect([await client.next(), await client.next()]).toEqual(["open", "text hello"]);
    expect(await new HookClient(`${url}other`).next()).toBe("refused 404  no");
  });

  it("takes options of the runtime", async () => {
    const ours = { getNamespace: () => "ours" };
    const journal = new Journal();
    const { url } = await start({
      open: (peer) => void journal.add(peer.namespace),
      options: { node: ours, deno: ours, bun: ours },
    });
    void new HookClient(url);
    expect(await journal.next()).toBe("ours");
  });

  it("tells hooks the name of the runtime", async () => {
    const journal = new Journal();
    const { url } = await start({
      upgrade(request) {
        const { runtime: told } = request as { runtime?: { name: string } };
        journal.add(told!.name);
      },
    });
    void new HookClient(url);
    expect(await journal.next()).toBe(runtime);
  });

  it("listens when it is told to, once, and has no URL before", async () => {
    const { server, url } = await start({});
    await server.serve();
    expect(server.url!.replace(/^http/, "ws")).toBe(url);
    const manual = srvx.serve({
      fetch: () => new Response(),
      manual: true,
      port: 0,
      silent: true,
      gracefulShutdown: false,
      plugins: [pluginOn(adapter.listenTransport)({})],
    });
    expect(manual.url).toBeUndefined();
    await manual.close();
  });

  it("closes the connections with the server", async () => {
    const { server, url } = await start({});
    const client = new HookClient(url);
    await client.next();
    await server.close();
    expect(await client.next()).toBe("close 1001");
    await expect(fetch(url.replace(/^ws/, "http"))).rejects.toThrow();
  });

  it("takes bodies of any size, as such servers usually do", async () => {
    const { server } = await start(
      {},
      { fetch: async (request) => new Response(String((await request.arrayBuffer()).byteLength)) },
    );
    const body = new Uint8Array(3 * 1024 * 1024);
    expect(await (await fetch(server.url!, { method: "POST", body })).text()).toBe(
      String(body.length),
    );
  });

  it("listens with TLS if the server would", async () => {
    const { server } = await start({}, { tls: { cert: certificate, key: privateKey } });
    expect(server.url).toMatch(/^https:/);
  });

  it("refuses servers of other platforms", () => {
    const server = { runtime: "cloudflare", options: { fetch: () => {} }, serve() {} };
    expect(() => pluginOn(undefined as unknown as Listen)({})(server)).toThrow(/not on cloudflare/);
  });
});

describe("infoOf()", () => {
  it.each([
    ["192.0.2.1", "IPv4"],
    ["2001:db8::1", "IPv6"],
  ])("tells the client's address as the runtimes do: %s", (address, family) => {
    const asked = { peer: { address, port: 5 } } as never;
    expect(infoOf("deno", asked)).toEqual({
      remoteAddr: { transport: "tcp", hostname: address, port: 5 },
    });
    const { requestIP } = infoOf("bun", asked) as { requestIP(): unknown };
    expect(requestIP()).toEqual({ address, port: 5, family });
  });
});
