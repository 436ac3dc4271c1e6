/**
 * Plain requests a second: what an application costs by `fetch`, beside the runtime's own HTTP server.
 */

import { comparison, loadSample } from "./rounds.mjs";

/** Servers of others by runtime, with what `servers/hello.mjs` calls them. */
const others = {
  node: { "node:http": "node-http", "@hono/node-server": "hono" },
  deno: { own: "deno" },
  bun: { own: "bun" },
};

/** Servers that are none, with what `servers/hello-floor.mjs` calls them. */
const floors = {
  floor: "whole",
  "floor without Request": "no-request",
  TCP: "tcp",
  relay: "relay",
};

function serversOf(runtime) {
  const servers = { framewire: ["servers/hello.mjs", "fetch"] };
  for (const [name, kind] of Object.entries(others[runtime])) {
    servers[name] = ["servers/hello.mjs", kind];
  }
  servers["http hook"] = ["servers/hello.mjs", "hook"];
  if (runtime === "node") return servers;
  for (const [name, kind] of Object.entries(floors)) {
    servers[name] = ["servers/hello-floor.mjs", kind];
  }
  return servers;
}

export const fetch = comparison({
  title: "Plain requests by fetch",
  explanation:
    "Clients at the same time, each of which sends a GET of 6 headers on a connection that is kept, and the next one when it is " +
    "answered with a body of 12 bytes. framewire is asked by `fetch: () => new Response(...)`, as are `own`, which is " +
    "`Deno.serve` or `Bun.serve`, and `@hono/node-server`; `node:http` is Node's own server, without Request and Response; " +
    "`http hook` is framewire's own hook. `floor` does the least that an answer by `fetch` needs, on sockets, and checks nothing; " +
    "`TCP` answers fixed bytes; `relay` passes all bytes on to the runtime's own server behind it.",
  figure: {
    what: "clients",
    unit: "k requests/s",
    scale: 1e-3,
    each: "request",
    better: "more",
  },
  servers: serversOf,
  rowsOf(options) {
    // An answer runs through more code than an echo: what is to be compiled of it is after some ten thousand.
    const warmer = options.isQuick ? options : { ...options, warm: Math.max(options.warm, 1000) };
    const take = loadSample("load-fetch.mjs", { clients: 32 }, warmer);
    return [{ row: "32 at a time", take }];
  },
});
