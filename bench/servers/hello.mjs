/**
 * Servers that answer each plain request with the same 12 bytes. The argument says which: "fetch" and "hook" are framewire's,
 * "node-http" and "hono" Node's own, without and with `Request` and `Response`, "deno" and "bun" these runtimes' own.
 */

import { once } from "node:events";
import process from "node:process";
import { ready } from "./ready.mjs";

const hostname = "127.0.0.1";
const text = "Hello world\n";
const fetch = () => new Response(text);

/** Starts a server of `node:http`; gives its port. */
async function listening(server) {
  await once(server.listen(0, hostname), "listening");
  return server.address().port;
}

async function framewire(handlers) {
  const { serve } = await import("framewire/auto");
  // A benchmark's connections do not end after the usual number of requests.
  const { port } = await serve({ port: 0, hostname, maxRequests: Infinity }, handlers);
  return port;
}

/** Each starts a server and gives its port. */
const servers = {
  fetch: () => framewire({ fetch }),
  hook: () => framewire({ http: () => ({ body: text }) }),
  async "node-http"() {
    const { createServer } = await import("node:http");
    const type = "text/plain;charset=UTF-8";
    return listening(
      createServer((_, response) => response.setHeader("Content-Type", type).end(text)),
    );
  },
  async hono() {
    const { createAdaptorServer } = await import("@hono/node-server");
    return listening(createAdaptorServer({ fetch }));
  },
  deno: () => Deno.serve({ port: 0, hostname, onListen() {} }, fetch).addr.port,
  bun: () => Bun.serve({ port: 0, hostname, fetch }).port,
};

ready(await servers[process.argv[2]]());
