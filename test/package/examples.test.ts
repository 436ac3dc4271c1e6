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

describe.each(["node", "deno", "bun"])("examples/cluster on %s", (runtime) => {
  it("serves one port from two processes, and goes on with one of them", async () => {
    const command = [...runtimeCommand(runtime), `examples/cluster/${runtime}.js`];
    const example = startProgram(command, { PORT: "0", PROCESSES: "2" });
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
    while (pids().length < 2 && clients.size < enough) await connect();
    expect(pids()).toHaveLength(2);

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
    await example.line(new RegExp(`process ${doomed} is gone, 1 serve`));
    for (const [client, pid] of clients) {
      if (pid === doomed) {
        await client.closed;
        clients.delete(client);
      } else {
        client.send("still here");
        expect(await client.nth(4)).toBe("still here");
      }
    }
    for (let i = 0; i < 10; i++) await connect();
    expect(pids()).toEqual([left]);
    expect(await example.stop()).toBe(0);
  });
});
