import { spawnSync } from "node:child_process";
import process from "node:process";
import { describe, expect, it, onTestFinished } from "vitest";
import WebSocket from "ws";
import { runtimeCommand } from "../../scripts/built.mjs";
import { startProgram } from "../support/program.ts";

describe.each(["node", "deno", "bun"])("examples/echo on %s", (runtime) => {
  it("starts with one command, prints its address, and echoes", async () => {
    const command = runtimeCommand(runtime);
    const example = startProgram([...command, `examples/echo/${runtime}.js`], { PORT: "0" });
    const [, address] = await example.line(/echo on (ws:\S+)/);
    const ws = new WebSocket(address!.replace("localhost", "127.0.0.1"));
    const reply = await new Promise<string>((resolve, reject) => {
      ws.on("error", reject);
      ws.on("open", () => {
        ws.send("Hello");
      });
      ws.on("message", (data) => {
        resolve(String(data));
      });
    });
    expect(reply).toBe("Hello");
    ws.terminate();
    await example.stop();
  });
});

describe.each(["node", "bun"])("examples/http2 on %s", (runtime) => {
  it("has three WebSockets and a plain request on one connection", async () => {
    const command = runtimeCommand(runtime);
    const server = startProgram([...command, "examples/http2/server.js"], { PORT: "0" });
    onTestFinished(async () => void (await server.stop()));
    const [, address] = await server.line(/HTTP\/2 on (http:\S+)/);
    const client = startProgram([...command, "examples/http2/client.js", address!]);
    const { code, output } = await client.ended;
    expect(output.trim().split("\n")).toEqual([
      "hello from /one",
      "hello from /two",
      "hello from /three",
      "/page over HTTP/2.0",
    ]);
    expect(code).toBe(0);
  });
});

/** A client that nobody here wrote, and what it has been sent. */
class Client {
  readonly messages: string[] = [];
  readonly #ws: WebSocket;
  readonly closed: Promise<unknown>;
  #wake: () => void = () => {};

  constructor(address: string) {
    this.#ws = new WebSocket(address.replace("localhost", "127.0.0.1"));
    onTestFinished(() => this.#ws.terminate());
    this.#ws.on("error", (error) => this.messages.push(String(error)));
    this.closed = new Promise((resolve) => this.#ws.once("close", resolve));
    this.#ws.on("message", (data) => {
      this.messages.push(String(data));
      this.#wake();
    });
    this.#ws.once("close", () => this.#wake());
  }

  send(text: string): void {
    this.#ws.send(text);
  }

  /** The message behind those that came before. */
  async nth(count: number): Promise<string> {
    while (this.messages.length < count && this.#ws.readyState !== WebSocket.CLOSED) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.messages[count - 1] ?? "closed";
  }
}

/** Clients in a row are given to the processes by the kernel, by their ports: so many go to both, or the port is not shared. */
const enough = 200;

/** The command that runs examples/cluster on a runtime, and shares the port among processes of its own making. */
function clusterCommand(runtime: string): string[] {
  return [...runtimeCommand(runtime), `examples/cluster/${runtime}.js`];
}

describe.each(["node", "deno", "bun"])("examples/cluster on %s", (runtime) => {
  it("serves one port from two processes, and replaces one that dies", async () => {
    const example = startProgram(clusterCommand(runtime), { PORT: "0", PROCESSES: "2" });
    onTestFinished(async () => void (await example.stop()));
    const [, address] = await example.line(/2 processes on (ws:\S+)/);

    const clients = new Map<Client, number>();
    const pids = (): number[] => [...new Set(clients.values())];
    const connect = async (): Promise<Client> => {
      const client = new Client(address!);
      const [, pid] = /^served by process (\d+)$/.exec(await client.nth(1)) ?? [];
      expect(Number(pid)).toBeGreaterThan(0);
      clients.set(client, Number(pid));
      return client;
    };
    const reachTwo = async (): Promise<void> => {
      while (pids().length < 2 && clients.size < enough) await connect();
      expect(pids()).toHaveLength(2);
    };
    await reachTwo();

    for (const [client, pid] of clients) {
      client.send(`echo ${pid}`);
      expect(await client.nth(2)).toBe(`echo ${pid}`);
    }
    // In whichever process they are.
    const [first] = clients.keys();
    first!.send("all hello");
    for (const client of clients.keys()) expect(await client.nth(3)).toBe("hello");

    const [doomed, left] = pids();
    process.kill(doomed!, "SIGKILL");
    const gone = new RegExp(`process ${doomed} is gone, 1 serve`);
    await example.line(gone);
    for (const [client, pid] of clients) {
      if (pid === doomed) {
        await client.closed;
        clients.delete(client);
      } else {
        client.send("still here");
        expect(await client.nth(4)).toBe("still here");
      }
    }
    const [, another] = await example.line(new RegExp(`${gone.source}[^]*process (\\d+) listens`));
    clients.clear();
    await reachTwo();
    expect(new Set(pids())).toEqual(new Set([left, Number(another)]));
    expect(await example.stop()).toBe(0);
  });
});

/**
 * A network of its own, in which the kernel moves connections that wait in the queue of a listener to another one when it is closed.
 * Deno and Bun need that where processes share a port; in the network that all have, it is not a test's to change.
 */
const ownNetwork = [
  "unshare",
  ...["--map-root-user", "--net", "sh", "-c"],
  'ip link set lo up && echo 1 > /proc/sys/net/ipv4/tcp_migrate_req && exec "$@"',
  "sh",
];

/** Whether a user may make such a network here. */
function hasOwnNetwork(): boolean {
  const [program, ...args] = ownNetwork;
  return spawnSync(program!, [...args, "true"]).status === 0;
}

describe.each(["node", "deno", "bun"])("examples/cluster on %s, at SIGHUP", (runtime) => {
  const surroundings = runtime === "node" ? [] : ownNetwork;
  it.skipIf(runtime !== "node" && !hasOwnNetwork())(
    "replaces all its processes under load, and no handshake fails",
    async () => {
      const load = startProgram([
        ...surroundings,
        ...runtimeCommand("node"),
        "test/support/restart-load.mjs",
        ...clusterCommand(runtime),
      ]);
      onTestFinished(async () => void (await load.stop()));
      const { output } = await load.ended;
      const seen = JSON.parse(output) as { handshakes: number; processes: number };
      expect(seen).toMatchObject({ failed: {}, code: 0 });
      expect(seen.handshakes).toBeGreaterThan(100);
      // There were three at the beginning: others have served, too.
      expect(seen.processes).toBeGreaterThan(3);
    },
    60_000,
  );
});
