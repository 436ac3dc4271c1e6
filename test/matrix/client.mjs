/**
 * The clients of the matrix: the same file on every runtime.
 *
 * Lines of JSON on standard input ask, lines of JSON answer: `{"run": name, "port": port}` plays the client's side of a
 * scenario, and gives `{"trace"}`.
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { connect, connectStream, dial } from "framewire/auto";
import { scenarios } from "./scenarios.mjs";
import { told, Trace, within } from "./trace.mjs";

const hostname = "127.0.0.1";

/** What the client's side of a scenario plays with. */
class Stage {
  #port;
  #connections = [];

  constructor(port) {
    this.t = new Trace();
    this.#port = port;
  }

  /** Connects; what goes wrong is thrown. */
  async connectOrThrow({ target = "/", port = this.#port, ...options } = {}, handlers = {}) {
    const url = `ws://${hostname}:${port}${target}`;
    const ws = await connect(url, options, this.t.handlers(handlers));
    this.#connections.push(ws);
    return ws;
  }

  /** Connects, and notes what goes wrong; gives undefined then. */
  async connect(options, handlers) {
    try {
      return await this.connectOrThrow(options, handlers);
    } catch (error) {
      this.t.note(`connect fails: ${told(error)}`);
      return undefined;
    }
  }

  /** A connection whose frames the scenario reads and writes itself. */
  dial() {
    return dial(`ws://${hostname}:${this.#port}/`);
  }

  /** A TCP connection. */
  stream() {
    return connectStream({ hostname, port: this.#port });
  }

  async end() {
    for (const ws of this.#connections) await ws.closed;
    await this.t.settled();
  }
}

async function run(name, port) {
  const { client } = scenarios.find((scenario) => scenario.name === name);
  const stage = new Stage(port);
  try {
    await within("the scenario", client(stage, stage.t));
    await within("the end of its connections", stage.end());
  } catch (error) {
    stage.t.note(`stuck: ${error.stack}`);
  }
  return { trace: stage.t.lines };
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
  console.log(JSON.stringify(await run(asked.run, asked.port)));
}
process.exit(0);
