/**
 * The servers of the matrix: the same file on every runtime. One server for each run of a scenario.
 *
 * Lines of JSON on standard input ask, lines of JSON answer: `{"begin": name}` starts a server and gives
 * `{"id", "port"}`; `{"end": id}` waits until it has nothing to do any more, and gives `{"trace"}`.
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { listen, serve } from "framewire/auto";
import { scenarios } from "./scenarios.mjs";
import { told, Trace, within } from "./trace.mjs";

const hostname = "127.0.0.1";
const running = [];

/** Connections that are given to a function one by one, as streams. */
async function listenWith(accept, t) {
  const listener = await listen({ port: 0, hostname });
  const accepted = [];
  const accepting = (async () => {
    for await (const stream of listener) {
      accepted.push(accept(stream).catch((error) => t.note(`stream fails: ${told(error)}`)));
    }
  })();
  return {
    port: listener.port,
    async end() {
      await listener.close();
      await accepting;
      await Promise.all(accepted);
    },
  };
}

async function serveWith({ options, handlers }, t) {
  let server;
  const noting = t.handlers({ refused: null, ...handlers?.(t, () => server) });
  for (const path of Object.keys(noting.routes ?? {})) {
    noting.routes[path] = t.handlers(noting.routes[path]);
  }
  server = await serve({ port: 0, hostname, ...options }, noting);
  return {
    port: server.port,
    async end() {
      // Asked again and again, since a handshake that comes to nothing is told to nobody.
      while (server.connections.length > 0 || server.counters.opening > 0) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await server.shutdown();
    },
  };
}

async function begin(name) {
  const { server = {} } = scenarios.find((scenario) => scenario.name === name);
  const t = new Trace();
  const { port, end } = await (server.stream === undefined
    ? serveWith(server, t)
    : listenWith((stream) => server.stream(stream, t), t));
  running.push({ t, end });
  return { id: running.length - 1, port };
}

async function end(id) {
  const { t, end: endServer } = running[id];
  try {
    await within("the end of the server", endServer());
    await within("an outcome", t.settled());
  } catch (error) {
    t.note(`stuck: ${error.message}`);
  }
  return { trace: t.lines };
}

process.on("uncaughtException", (error) =>
  console.log(JSON.stringify({ crash: String(error.stack) })),
);
process.on("unhandledRejection", (error) =>
  console.log(JSON.stringify({ crash: `unhandled ${error?.stack ?? error}` })),
);

console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  const answer = "begin" in asked ? begin(asked.begin) : end(asked.end);
  console.log(JSON.stringify(await answer));
}
process.exit(0);
