import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Connection } from "../../src/connection/connection.ts";
import type { Handlers, ServerHandlers } from "../../src/connection/handlers.ts";
import type { HandshakeError } from "../../src/errors.ts";
import { adapter } from "../support/adapter.ts";
import { Ends } from "../support/ends.ts";
import { runtime } from "../support/runtime.ts";

const ends = new Ends();
afterEach(() => ends.finish());

afterEach(() => {
  vi.restoreAllMocks();
});

const page = readFileSync(new URL("../../docs/troubleshooting.md", import.meta.url), "utf8");

/** Starts a server without handlers for errors, has a client do something, and gives the lines that are printed once. */
async function printed(handlers: ServerHandlers, act: (url: string) => unknown): Promise<string[]> {
  const print = vi.spyOn(console, "error").mockImplementation(() => {});
  await using server = await adapter.serve({ port: 0, hostname: "127.0.0.1" }, handlers);
  await act(`ws://127.0.0.1:${server.port}`);
  await expect.poll(() => print.mock.calls.length).toBe(1);
  return String(print.mock.calls[0]![0]).split("\n");
}

/** Opens a connection of this library to a server of it. */
async function opened(handlers: Handlers = {}): Promise<Connection> {
  const { url } = await ends.serve({});
  return adapter.connect(url, {}, handlers);
}

/** Gives the message of what a call throws, or rejects with. */
async function failureOf(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("Nothing was wrong");
}

/** Each does what its row says, and gives what was said, with the port that it was said of. */
const mistakes: readonly [done: string, where: string, act: () => Promise<[string, number?]>][] = [
  [
    "the `message` handler throws",
    "printed",
    async () => {
      const handlers = {
        message() {
          throw new Error("boom");
        },
      };
      const [first] = await printed(handlers, async (url) =>
        (await adapter.connect(url)).send("a"),
      );
      return [first!.replace("[framewire] ", "")];
    },
  ],
  [
    "`upgrade` returns `false` to refuse",
    "printed",
    async () => {
      const [, second] = await printed({ upgrade: () => false as never }, (url) =>
        expect(adapter.connect(url)).rejects.toMatchObject({ status: 500 }),
      );
      return [second!.replace("TypeError: ", "")];
    },
  ],
  [
    "a page of another origin connects with the user's cookies",
    "`error.cause` of `refused`",
    async () => {
      const refused: HandshakeError[] = [];
      const { server, url } = await ends.serve({ refused: (error) => void refused.push(error) });
      const client = { origin: "https://elsewhere.example", headers: { Cookie: "id=7" } };
      await expect(adapter.connect(url, client)).rejects.toMatchObject({ status: 403 });
      return [(refused[0]!.cause as Error).message, server.port];
    },
  ],
  [
    "a plain request comes to the port",
    "the answer, 426",
    async () => {
      const { server } = await ends.serve({});
      const response = await fetch(`http://127.0.0.1:${server.port}/`);
      expect(response.status).toBe(426);
      return [(await response.text()).trim()];
    },
  ],
  [
    "the port is in use",
    "`serve` rejects",
    async () => {
      const { server } = await ends.serve({});
      const { port } = server;
      const again = (): unknown => adapter.serve({ port, hostname: "127.0.0.1" }, {});
      return [await failureOf(again), port];
    },
  ],
  [
    "nobody listens at the address",
    "`connect` rejects",
    async () => {
      const { server, url } = await ends.serve({});
      const { port } = server;
      await server.shutdown();
      return [await failureOf(() => adapter.connect(url)), port];
    },
  ],
  [
    "an object is sent",
    "`send` throws",
    async () => {
      const ws = await opened();
      return [await failureOf(() => ws.send({ a: 1 } as never))];
    },
  ],
  [
    "a message is sent after the end",
    "`send` rejects",
    async () => {
      const ws = await opened();
      await ws.close();
      return [await failureOf(() => ws.send("a"))];
    },
  ],
  [
    "`receive` beside a `message` handler",
    "`receive` throws",
    async () => {
      const ws = await opened({ message() {} });
      return [await failureOf(() => ws.receive())];
    },
  ],
  [
    "a client subscribes to a topic",
    "`subscribe` throws",
    async () => {
      const ws = await opened();
      return [await failureOf(() => ws.subscribe("news"))];
    },
  ],
];

describe(`ten usual mistakes, on ${runtime}`, () => {
  it.each(mistakes)("%s: %s, as docs/troubleshooting.md has it", async (done, where, act) => {
    const [said, port = NaN] = await act();
    expect(page).toContain(`| ${done} | ${where} | ${said.replace(`:${port}`, ":PORT")} |\n`);
  });

  it("are all that the page has", () => {
    const table = page.slice(page.indexOf("## Ten usual"), page.indexOf("## Options"));
    expect(table.match(/^\| (?!What|---)/gm)).toHaveLength(mistakes.length);
  });
});
