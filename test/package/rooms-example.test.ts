import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, it, onTestFinished } from "vitest";
import WebSocket, { type ClientOptions } from "ws";
import { runtimeCommand } from "../../scripts/built.mjs";
import { type Program, startProgram } from "../support/program.ts";

/** One node alone, which keeps its history in memory. */
async function startNode(runtime: string): Promise<{ program: Program; host: string }> {
  const command = [...runtimeCommand(runtime), "examples/rooms-on-many-nodes/server.js"];
  const program = startProgram(command, { PORT: "0" });
  onTestFinished(async () => void (await program.stop()));
  const [, host] = await program.line(/serves on http:\/\/(localhost:\d+)/);
  return { program, host: host!.replace("localhost", "127.0.0.1") };
}

/** What a node says. */
interface Said {
  readonly here?: { readonly position?: object; readonly isMissing: boolean };
  readonly text?: string;
  readonly position?: Record<string, string>;
}

/** Somebody in a room, by a client that nobody here wrote. */
class Person {
  /** What it was told of those who are in the room: the list, then one by one. */
  readonly news: object[] = [];
  readonly closed: Promise<number>;
  readonly opened: Promise<void>;
  readonly #ws: WebSocket;
  readonly #said: Said[] = [];
  #taken = 0;

  constructor(host: string, target: string, options: ClientOptions = {}) {
    this.#ws = new WebSocket(`ws://${host}${target}`, options);
    onTestFinished(() => {
      this.#ws.terminate();
    });
    this.#ws.on("message", (data) => {
      const said = JSON.parse(String(data)) as object;
      const isNews = ["people", "joined", "left"].some((name) => name in said);
      (isNews ? this.news : this.#said).push(said);
    });
    this.opened = new Promise((resolve, reject) => {
      this.#ws.once("open", resolve);
      this.#ws.once("error", reject);
    });
    this.opened.catch(() => {});
    this.closed = new Promise((resolve) => this.#ws.once("close", resolve));
  }

  async send(data: string): Promise<void> {
    await this.opened;
    this.#ws.send(data);
  }

  say(id: string, text: string): Promise<void> {
    return this.send(JSON.stringify({ id, text }));
  }

  leave(): Promise<number> {
    this.#ws.close();
    return this.closed;
  }

  /** Waits until it was told so much of people, and gives it. */
  async told(count: number): Promise<object[]> {
    await expect.poll(() => this.news.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(count);
    return this.news;
  }

  /** The next of what else it is sent. */
  async next(): Promise<Said> {
    const number = this.#taken++;
    await expect.poll(() => this.#said.length, { timeout: 10_000 }).toBeGreaterThan(number);
    return this.#said[number]!;
  }
}

describe.each(["node", "deno", "bun"])(
  "a node of examples/rooms-on-many-nodes on %s",
  (runtime) => {
    it("sends everything to all in a room, and missed messages to those who come later or come back", async () => {
      const { program, host } = await startNode(runtime);
      const ann = new Person(host, "/rooms/tea?name=ann");
      expect(await ann.next()).toMatchObject({ here: { node: "one", isMissing: false } });
      const elsewhere = new Person(host, "/rooms/coffee?name=cyd");
      expect((await elsewhere.next()).here).toBeDefined();

      await ann.say("1", "one");
      const { position } = await ann.next();
      await ann.say("2", "two");
      expect(await ann.next()).toMatchObject({ id: "2", name: "ann", text: "two" });
      const bob = new Person(host, "/rooms/tea?name=bob");
      expect([(await bob.next()).text, (await bob.next()).text]).toEqual(["one", "two"]);
      expect((await bob.next()).here).toMatchObject({ isMissing: false });

      const again = (since: Record<string, string>): Person =>
        new Person(host, `/rooms/tea?${new URLSearchParams({ name: "ann", ...since }).toString()}`);
      const back = again(position!);
      expect((await back.next()).text).toBe("two");
      expect((await back.next()).here).toMatchObject({ isMissing: false });
      const lost = again({ epoch: "another", offset: "7" });
      expect([(await lost.next()).text, (await lost.next()).text]).toEqual(["one", "two"]);
      expect((await lost.next()).here).toMatchObject({ isMissing: true });

      await elsewhere.say("3", "three");
      expect((await elsewhere.next()).text).toBe("three");
      expect(await program.stop()).toBe(0);
      expect(await Promise.all([ann, bob, elsewhere].map(({ closed }) => closed))).toEqual([
        1001, 1001, 1001,
      ]);
    });

    it("shows all in a room who is there, who comes and who goes, by name", async () => {
      const { host } = await startNode(runtime);
      const ann = new Person(host, "/rooms/tea?name=ann");
      expect(await ann.told(1)).toEqual([{ people: ["ann"] }]);
      const bob = new Person(host, "/rooms/tea?name=bob");
      expect(await bob.told(1)).toEqual([{ people: ["ann", "bob"] }]);
      const bobAgain = new Person(host, "/rooms/tea?name=bob");
      await bobAgain.told(1);
      await new Person(host, "/rooms/coffee?name=cyd").told(1);
      await bob.leave();
      await bobAgain.leave();
      expect(await ann.told(3)).toEqual([{ people: ["ann"] }, { joined: "bob" }, { left: "bob" }]);
    });

    it("refuses other pages, and clients without a name or room, and keeps its limits", async () => {
      const { host } = await startNode(runtime);
      const refused: [target: string, options: ClientOptions, status: string][] = [
        ["/rooms/tea?name=ann", { origin: "https://elsewhere.example" }, "403"],
        ["/rooms/tea", {}, "400"],
        [`/rooms/tea?name=${"a".repeat(33)}`, {}, "400"],
        ["/rooms/Tea%2F?name=ann", {}, "404"],
        ["/", {}, "404"],
      ];
      for (const [target, options, status] of refused) {
        await expect(new Person(host, target, options).opened).rejects.toThrow(status);
      }
      const own = { origin: `http://${host}` };
      const closing: [message: string, status: number][] = [
        ["no JSON", 1008],
        ["null", 1008],
        [JSON.stringify({ id: "1", text: "" }), 1008],
        [JSON.stringify({ id: "1", text: "a".repeat(1001) }), 1008],
        [JSON.stringify({ id: { of: "nobody" }, text: "a" }), 1008],
        [JSON.stringify({ kill: true }), 1008],
        [JSON.stringify({ id: "1", text: "a".repeat(10_000) }), 1009],
      ];
      for (const [message, status] of closing) {
        const ann = new Person(host, "/rooms/tea?name=ann", own);
        await ann.send(message);
        expect([message.slice(0, 40), await ann.closed]).toEqual([message.slice(0, 40), status]);
      }
    });

    it("serves its page, and no other file", async () => {
      const { host } = await startNode(runtime);
      const get = async (path: string): Promise<[number, string | null]> => {
        const { status, headers } = await fetch(`http://${host}${path}`);
        return [status, headers.get("content-type")];
      };
      expect(await get("/")).toEqual([200, "text/html; charset=utf-8"]);
      expect(await get("/room.js")).toEqual([200, "text/javascript"]);
      expect(await get("/framewire/browser.mjs")).toEqual([200, "text/javascript"]);
      expect((await get("/health"))[0]).toBe(200);
      for (const path of ["/server.js", "/framewire/none.mjs", "/framewire/..%2Fpackage.json"]) {
        expect((await get(path))[0]).toBe(404);
      }
      expect((await get("/constructor"))[0]).toBe(404);
    });
  },
);

describe("examples/rooms-on-many-nodes/start.js", () => {
  it.each([
    [["--runtime", "python"], "--runtime must be node, deno, bun or mixed: python"],
    [["--balancer", "traefik"], "--balancer must be haproxy or nginx: traefik"],
    [["--nodes", "4"], "--runtime node|deno|bun|mixed"],
  ])("says what is wrong with %j, and leaves nothing behind", async (options, message) => {
    const folder = mkdtempSync(join(tmpdir(), "framewire-"));
    onTestFinished(() => {
      rmSync(folder, { recursive: true });
    });
    const command = [process.execPath, "examples/rooms-on-many-nodes/start.js", ...options];
    const { code, output } = await startProgram(command, { TMPDIR: folder }).ended;
    expect(output).toContain(message);
    expect(code).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });
});
