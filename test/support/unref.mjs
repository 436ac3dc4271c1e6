/**
 * A program that is to end, or to live on, by what it holds: `unref.mjs <runtime> <what>`. It prints "ready" when all is set up, and
 * nothing else. Where it is to live on, it prints "alive" after half a second, and ends itself.
 */

import process from "node:process";
import { readFileSync } from "node:fs";

const [, , runtime, what] = process.argv;
const { serve, connect } = await import(`../../dist/${runtime}.mjs`);
const { reconnecting } = await import("../../dist/index.mjs");

const hostname = "127.0.0.1";
/** The server of whoever started this, which holds no process but its own. */
const { URL: url = "", SECURE_URL: secureUrl = "" } = process.env;
const ca = () => readFileSync(process.env.AUTHORITY, "utf8");

/** Timers of all kinds, for a connection that has them. */
const timed = {
  pingInterval: 60_000,
  pongTimeout: 50_000,
  idleTimeout: 70_000,
  maxLifetime: 80_000,
};

/** Keeps the program going long enough to show that it would have ended by then, and ends it. */
function aliveSoon() {
  const timer = setTimeout(() => {
    process.stdout.write("alive\n");
    process.exit(0);
  }, 500);
  timer.unref();
}

const scenarios = {
  async "a client"() {
    (await connect(url, timed)).unref();
  },
  async "a client over TLS"() {
    (await connect(secureUrl, { ...timed, tls: { ca: ca() } })).unref();
  },
  async "a client that waits for a message"() {
    const ws = await connect(url, timed);
    ws.unref();
    void ws.receive({ timeout: 60_000 });
  },
  async "a client that has sent and received"() {
    const ws = await connect(url, timed);
    await ws.send("hello");
    await ws.receive();
    ws.unref();
  },
  async "a client that is held again"() {
    const ws = await connect(url, timed);
    ws.unref();
    ws.ref();
    aliveSoon();
  },
  async "a client that nobody has let go"() {
    await connect(url, timed);
    aliveSoon();
  },
  async "a server"() {
    const server = await serve({ port: 0, hostname, ...timed }, { message() {} });
    server.unref();
  },
  async "a server with connections"() {
    const server = await serve({ port: 0, hostname, ...timed }, { message() {} });
    const before = await connect(`ws://${hostname}:${server.port}/`, timed);
    server.unref();
    const after = await connect(`ws://${hostname}:${server.port}/`, timed);
    before.unref();
    after.unref();
  },
  async "a server that is held again"() {
    const server = await serve({ port: 0, hostname }, { message() {} });
    server.unref();
    server.ref();
    aliveSoon();
  },
  async "a client that reconnects, and is connected"() {
    const feed = reconnecting(({ signal }) => connect(url, { ...timed, signal }));
    feed.unref();
    await feed.ready;
  },
  async "a client that reconnects, and waits for its next attempt"() {
    const feed = reconnecting(({ signal }) => connect("ws://127.0.0.1:1/", { signal }), {
      initialDelay: 60_000,
      maxDelay: 60_000,
      random: () => 0.99,
    });
    await new Promise((resolve) => {
      const look = setInterval(() => {
        if (feed.state !== "waiting") return;
        clearInterval(look);
        resolve();
      }, 10);
    });
    feed.unref();
  },
  async "a client that reconnects, and is held again"() {
    const feed = reconnecting(({ signal }) => connect("ws://127.0.0.1:1/", { signal }), {
      initialDelay: 60_000,
      maxDelay: 60_000,
      random: () => 0.99,
    });
    feed.unref();
    feed.ref();
    aliveSoon();
  },
};

await scenarios[what]();
process.stdout.write("ready\n");
