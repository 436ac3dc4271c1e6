import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import WebSocket, { type ClientOptions } from "ws";
import { root, runtimeCommand } from "../../scripts/built.mjs";
import { readDocument } from "../support/documents.ts";
import { type Program, startProgram } from "../support/program.ts";

/** Starts an example's server; gives it, and where it says it is, such as "127.0.0.1:8080". */
async function start(
  runtime: string,
  name: string,
  env: Record<string, string> = {},
): Promise<{ program: Program; host: string }> {
  const command = [...runtimeCommand(runtime), `examples/${name}/server.js`];
  const program = startProgram(command, { PORT: "0", ...env });
  onTestFinished(async () => void (await program.stop()));
  const [, port] = await program.line(/on (?:ws|http)s?:\/\/localhost:(\d+)/);
  return { program, host: `127.0.0.1:${port}` };
}

/** A client that nobody here wrote, and what it has been sent. */
class Client {
  readonly messages: string[] = [];
  readonly opened: Promise<void>;
  readonly closed: Promise<number>;
  readonly #ws: WebSocket;

  constructor(url: string, options: ClientOptions = {}) {
    this.#ws = new WebSocket(url, options);
    onTestFinished(() => this.#ws.terminate());
    this.#ws.on("message", (data) => this.messages.push(String(data)));
    this.opened = new Promise((resolve, reject) => {
      this.#ws.once("open", resolve);
      this.#ws.once("error", reject);
    });
    this.closed = new Promise((resolve) => this.#ws.once("close", resolve));
    this.opened.catch(() => {});
  }

  async send(text: string): Promise<void> {
    await this.opened;
    this.#ws.send(text);
  }

  /** Waits until all that was sent has arrived. */
  async arrived(): Promise<void> {
    const pong = new Promise((resolve) => this.#ws.once("pong", resolve));
    this.#ws.ping();
    await pong;
  }

  /** The message behind those that came before. */
  async nth(count: number): Promise<string> {
    await expect
      .poll(() => this.messages.length, { timeout: 10_000 })
      .toBeGreaterThanOrEqual(count);
    return this.messages[count - 1]!;
  }
}

describe("examples/README.md", () => {
  const text = readDocument("examples/README.md");

  it("has every example", () => {
    const folders = readdirSync("examples").filter((name) => !name.includes("."));
    expect(folders.filter((name) => !text.includes(`examples/${name}/`))).toEqual([]);
  });

  it("starts files that exist", () => {
    const files = Array.from(text.matchAll(/examples\/[\w/-]+\.js/g), ([file]) => file);
    expect(files.length).toBeGreaterThan(20);
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
  });
});

describe.each(["node", "deno", "bun"])("on %s", (runtime) => {
  it("examples/auth accepts users who have logged in on its page, and programs that have the token", async () => {
    const { program, host } = await start(runtime, "auth", { TOKEN: "secret" });
    const login = await fetch(`http://${host}/login?name=ann`, { redirect: "manual" });
    expect(login.status).toBe(303);
    const cookie = login.headers.get("set-cookie")!.split(";")[0]!;
    const own = { origin: `http://${host}`, headers: { Cookie: cookie } };
    expect(await new Client(`ws://${host}`, own).nth(1)).toBe("hello ann\n");
    const token = { headers: { Authorization: "Bearer secret" } };
    expect(await new Client(`ws://${host}`, token).nth(1)).toBe("hello a program\n");

    const refused: [ClientOptions, string][] = [
      [{}, "401"],
      [{ headers: { Authorization: "Bearer secres" } }, "401"],
      [{ headers: { Cookie: "session=1" } }, "401"],
      [{ ...own, origin: "https://elsewhere.example" }, "403"],
    ];
    for (const [options, status] of refused) {
      await expect(new Client(`ws://${host}`, options).opened).rejects.toThrow(status);
    }
    await program.line(/refused \S+ 403/);
    expect((await fetch(`http://${host}/`)).headers.get("content-type")).toBe("text/html");
  });

  it("examples/topics sends publications to subscribers, until it is stopped", async () => {
    const { program, host } = await start(runtime, "topics");
    const [ann, bob] = [new Client(`ws://${host}`), new Client(`ws://${host}`)];
    await ann.send("+tea");
    expect(await ann.nth(2)).toBe("1 subscribed to tea; you: tea");
    await bob.send("tea the kettle boils");
    expect(await bob.nth(2)).toBe("1 subscribed to tea; you: ");
    expect(await ann.nth(3)).toBe("tea: the kettle boils");
    await ann.send("-tea");
    expect(await ann.nth(4)).toBe("0 subscribed to tea; you: ");
    await bob.send("+clock");
    expect(await bob.nth(4)).toMatch(/^\d{4}-\d\d-\d\dT/);
    expect(await program.stop()).toBe(0);
    expect(await ann.closed).toBe(1001);
  });

  it("examples/compression prints how little went over the wire", async () => {
    const { program, host } = await start(runtime, "compression");
    const client = new Client(`ws://${host}`);
    await client.send("again and again");
    expect(JSON.parse(await client.nth(1))).toHaveLength(100);
    expect(await client.nth(2)).toBe("token 123456");
    const [, payload, wire] = await program.line(/(\d+) bytes of messages were (\d+) on the wire/);
    expect(Number(payload) / Number(wire)).toBeGreaterThan(5);
  });

  it("examples/reconnecting goes on where it was after a restart of the server", async () => {
    const first = await start(runtime, "reconnecting", { INTERVAL: "20" });
    const [, port] = /:(\d+)/.exec(first.host)!;
    const command = [...runtimeCommand(runtime), "examples/reconnecting/client.js"];
    const client = startProgram([...command, `ws://${first.host}`], { DELAY: "50" });
    onTestFinished(async () => void (await client.stop()));
    await client.line(/online\n\d+ /);
    expect(await first.program.stop()).toBe(0);
    await client.line(/offline: 1001; again in \d+ ms/);
    await start(runtime, "reconnecting", { INTERVAL: "20", PORT: port! });
    await client.line(/online\n[^]*offline[^]*online\n\d+ /);
    expect(await client.stop()).toBe(0);
    const { output } = await client.ended;
    expect(output.trim().split("\n").at(-1)).toBe("ended: closed");
    const numbers = Array.from(output.matchAll(/^(\d+) /gm), ([, number]) => Number(number));
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  });

  it("examples/shutdown finishes what is under way, and accepts no more", async () => {
    const { program, host } = await start(runtime, "shutdown", { WORK: "500" });
    const client = new Client(`ws://${host}`);
    await client.send("first");
    const idle = new Client(`ws://${host}`);
    await idle.send("second");
    await idle.nth(1);
    expect(await client.nth(1)).toBe("done: first");
    await client.send("third");
    await client.send("fourth");
    await client.arrived();
    const ended = program.stop();
    await program.line(/stopping, 2 under way/);
    await client.send("late");
    expect(await client.nth(2)).toBe("not taken: late");
    await expect(new Client(`ws://${host}`).opened).rejects.toThrow("503");
    expect([await client.nth(3), await client.nth(4)]).toEqual(["done: third", "done: fourth"]);
    expect([await client.closed, await idle.closed]).toEqual([1001, 1001]);
    expect(await ended).toBe(0);
    await program.line(/2 closed, 0 dropped/);
  });

  it("examples/tls echoes over TLS to clients that trust its authority", async () => {
    const { host } = await start(runtime, "tls");
    const [, port] = host.split(":");
    const command = [...runtimeCommand(runtime), "examples/tls/client.js"];
    const client = startProgram([...command, `wss://localhost:${port}/`]);
    const { code, output } = await client.ended;
    expect(output).toMatch(/^hello over TLS/);
    expect(output).toContain("without it: TLS_FAILED");
    expect(code).toBe(0);
  });

  it("examples/client sends what is typed, prints what comes, and reports a refusal", async () => {
    const { host } = await start(runtime, "auth", { TOKEN: "secret" });
    const [program, ...args] = [...runtimeCommand(runtime), "examples/client/client.js"];
    const refused = startProgram([program!, ...args, `ws://${host}`]);
    expect(await refused.ended).toEqual({ code: 1, output: "refused 401 Log in first.\n\n" });

    const topics = await start(runtime, "topics");
    const child = spawn(program!, [...args, `ws://${topics.host}/`, "X-Any: header"], {
      cwd: root,
    });
    onTestFinished(() => void child.kill());
    let output = "";
    child.stdout.on("data", (chunk) => (output += String(chunk)));
    await expect.poll(() => output, { timeout: 10_000 }).toContain("+topic, -topic");
    child.stdin.write("+tea\n");
    await expect.poll(() => output, { timeout: 10_000 }).toContain("1 subscribed to tea; you: tea");
    child.stdin.end();
    expect(await new Promise((resolve) => child.once("close", resolve))).toBe(0);
    expect(output).toMatch(/closed 1000 \n$/);
  });
});
