import { on, once } from "node:events";
import type { IncomingMessage } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import WebSocket from "ws";
import { runtimeCommand } from "../../scripts/built.mjs";
import { type Program, startProgram } from "../support/program.ts";

interface Example {
  readonly program: Program;
  /** Where it is, such as "127.0.0.1:8080". */
  readonly host: string;
}

/** Starts an example by its command, and waits until it says where it is. */
async function start(name: string, runtime = "node"): Promise<Example> {
  const command = [...runtimeCommand(runtime), `examples/${name}/server.js`];
  const program = startProgram(command, { PORT: "0" });
  onTestFinished(async () => void (await program.stop()));
  const [, port] = await program.line(/on http:\/\/localhost:(\d+)/);
  return { program, host: `127.0.0.1:${port}` };
}

interface Client {
  readonly ws: WebSocket;
  /** Gives the next message, as text. */
  next(): Promise<string>;
}

/** Opens a connection. */
async function open(url: string, headers: Record<string, string> = {}): Promise<Client> {
  const ws = new WebSocket(url, { headers });
  onTestFinished(() => ws.terminate());
  const messages = on(ws, "message");
  await once(ws, "open");
  return {
    ws,
    next: async () => {
      const { value } = (await messages.next()) as { value: [unknown] };
      return String(value[0]);
    },
  };
}

/** Asks for a connection in vain; gives the status and the body of the answer. */
async function refusal(url: string, headers: Record<string, string> = {}): Promise<unknown[]> {
  const ws = new WebSocket(url, { headers });
  const [, response] = (await once(ws, "unexpected-response")) as [unknown, IncomingMessage];
  let body = "";
  for await (const chunk of response) body += String(chunk);
  return [response.statusCode, body];
}

/** Stops an example as a process manager does; gives the status that a client sees, and the exit code. */
async function stop(program: Program, { ws }: Client): Promise<unknown[]> {
  const closed = once(ws, "close");
  const code = await program.stop();
  const [status] = await closed;
  return [status, code];
}

const orderly = [1001, 0];
const nothingThere = [404, "Nothing is served at this path\n"];

describe("examples/express", () => {
  /** Logs in; gives the cookie that says so. */
  async function logIn(host: string, name: string): Promise<string> {
    const body = new URLSearchParams({ name });
    const response = await fetch(`http://${host}/login`, {
      method: "POST",
      body,
      redirect: "manual",
    });
    expect([response.status, response.headers.get("location")]).toEqual([303, "/"]);
    return response.headers.get("set-cookie")!.split(";")[0]!;
  }

  it("greets by WebSocket users who have logged in with Express, and echoes until it is stopped", async () => {
    const { program, host } = await start("express");
    const page = await fetch(`http://${host}/`);
    expect(page.headers.get("content-type")).toContain("text/html");
    expect(await page.text()).toContain("Log in");
    const Cookie = await logIn(host, "Ada");
    const client = await open(`ws://${host}/greeter`, { Cookie, Origin: `http://${host}` });
    expect(await client.next()).toBe("Hello, Ada");
    client.ws.send("Hello");
    expect(await client.next()).toBe("Hello");
    expect(await stop(program, client)).toEqual(orderly);
  });

  it("refuses users who have not, pages of others that use their cookie, and other paths", async () => {
    const { host } = await start("express");
    const url = `ws://${host}/greeter`;
    expect(await refusal(url)).toEqual([401, "Log in first.\n"]);
    expect(await refusal(url, { Cookie: "session=guessed" })).toEqual([401, "Log in first.\n"]);
    const Cookie = await logIn(host, "Ada");
    const [status] = await refusal(url, { Cookie, Origin: "http://example.org" });
    expect(status).toBe(403);
    expect(await refusal(`ws://${host}/`, { Cookie })).toEqual(nothingThere);
    const unnamed = await fetch(`http://${host}/login`, { method: "POST" });
    expect(unnamed.status).toBe(400);
  });
});

describe("examples/fastify", () => {
  it("sends all WebSockets what was posted to Fastify, until it is stopped", async () => {
    const { program, host } = await start("fastify");
    const clients = [await open(`ws://${host}/news`), await open(`ws://${host}/news`)];
    const post = (news: object): Promise<Response> =>
      fetch(`http://${host}/news`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(news),
      });
    expect((await post({ words: "Hello" })).status).toBe(400);
    const response = await post({ text: "Hello" });
    expect(await response.json()).toEqual({ sent: 2 });
    expect(await Promise.all(clients.map((client) => client.next()))).toEqual(["Hello", "Hello"]);
    expect(await refusal(`ws://${host}/`)).toEqual(nothingThere);
    expect(await stop(program, clients[0]!)).toEqual(orderly);
  });
});

describe.each(["node", "deno", "bun"])("examples/hono on %s", (runtime) => {
  it("counts with Hono who talks by WebSocket in a room, until it is stopped", async () => {
    const { program, host } = await start("hono", runtime);
    const ada = await open(`ws://${host}/rooms/tea`);
    const bob = await open(`ws://${host}/rooms/tea`);
    const cid = await open(`ws://${host}/rooms/coffee`);
    const response = await fetch(`http://${host}/rooms/tea`);
    expect(await response.json()).toEqual({ room: "tea", people: 2 });
    ada.ws.send("Hello");
    expect(await bob.next()).toBe("Hello");
    // What was said in the one room is not the first that the other hears.
    const dan = await open(`ws://${host}/rooms/coffee`);
    dan.ws.send("Good morning");
    expect(await cid.next()).toBe("Good morning");
    expect(await refusal(`ws://${host}/rooms`)).toEqual(nothingThere);
    expect(await stop(program, ada)).toEqual(orderly);
  });
});

describe.each(["node", "deno", "bun"])("examples/hono-fetch on %s", (runtime) => {
  it("answers with Hono and talks by WebSocket on one port, until it is stopped", async () => {
    const { program, host } = await start("hono-fetch", runtime);
    const ada = await open(`ws://${host}/rooms/tea`);
    const bob = await open(`ws://${host}/rooms/tea`);
    const url = `http://${host}/rooms/tea`;
    expect(await (await fetch(url)).json()).toEqual({ room: "tea", people: 2 });
    ada.ws.send("Hello");
    expect(await bob.next()).toBe("Hello");
    const posted = await fetch(url, { method: "POST", body: "Good morning" });
    expect(posted.status).toBe(204);
    expect([await ada.next(), await bob.next()]).toEqual(["Good morning", "Good morning"]);
    expect((await fetch(`http://${host}/`)).status).toBe(404);
    expect(await refusal(`ws://${host}/`)).toEqual(nothingThere);
    expect(await stop(program, ada)).toEqual(orderly);
  });
});

describe.each(["node", "deno", "bun"])("examples/h3 on %s", (runtime) => {
  it("echoes by WebSocket, and counts with h3, until it is stopped", async () => {
    const { program, host } = await start("h3", runtime);
    const client = await open(`ws://${host}/echo`);
    client.ws.send("Hello");
    expect(await client.next()).toBe("Hello");
    const response = await fetch(`http://${host}/`);
    expect(await response.json()).toEqual({ open: 1, messages: 1 });
    expect(await refusal(`ws://${host}/`)).toEqual(nothingThere);
    expect(await stop(program, client)).toEqual(orderly);
  });
});

describe("examples/beside-ws", () => {
  it("gives each of two libraries its own paths, until it is stopped", async () => {
    const { program, host } = await start("beside-ws");
    const response = await fetch(`http://${host}/`);
    expect(await response.text()).toBe("plain\n");
    const theirs = await open(`ws://${host}/others/here`);
    expect(await theirs.next()).toBe("ws");
    const ours = await open(`ws://${host}/here`);
    expect(await ours.next()).toBe("framewire");
    const closed = once(theirs.ws, "close");
    expect(await stop(program, ours)).toEqual(orderly);
    expect((await closed)[0]).toBe(1001);
  });
});
