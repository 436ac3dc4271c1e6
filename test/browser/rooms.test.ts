import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type Browser, chromium, type Locator, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type Program, startProgram } from "../support/program.ts";

/** What the example and its test need. In CI what is absent is a failure. */
const needed = {
  "/usr/bin/chromium": "chromium",
  "/usr/bin/redis-server": "redis-server",
  "/usr/sbin/haproxy": "haproxy",
  "/usr/sbin/nginx": "nginx",
};
const absent = Object.entries(needed).filter(([file]) => !existsSync(file));
const absence = `apt-get install ${absent.map(([, name]) => name).join(" ")}`;
const isAbsent = absent.length > 0;
if (isAbsent && !process.env["CI"]) console.warn(`skipped, rooms on many nodes: ${absence}`);

if (isAbsent && process.env["CI"]) {
  it("has what rooms on many nodes need", () => expect.fail(absence));
}

/** The whole example, as its command starts it. */
class Example {
  readonly #program: Program;
  readonly #folder: string;
  readonly port: number;

  private constructor(program: Program, folder: string, port: number) {
    this.#program = program;
    this.#folder = folder;
    this.port = port;
  }

  static async start(
    options: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Example> {
    const command = [process.execPath, "scripts/example-rooms.mjs", ...options];
    const folder = mkdtempSync(join(tmpdir(), "framewire-"));
    const program = startProgram(command, { PORT: "0", TMPDIR: folder, ...env });
    onTestFinished(async () => {
      await program.stop();
      rmSync(folder, { recursive: true });
    });
    const [, port] = await program.line(/^rooms on http:\/\/localhost:(\d+)$/m);
    return new Example(program, folder, Number(port));
  }

  /** Waits for something that it prints. */
  printed(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#program.line(pattern);
  }

  /** The process of one of its programs. */
  async pid(name: string): Promise<number> {
    const [, pid] = await this.printed(new RegExp(`^${name} +process (\\d+) is there$`, "m"));
    return Number(pid);
  }

  /** Stops it as Ctrl-C does, and tells which of its programs and files are left. */
  async stop(...names: readonly string[]): Promise<{ code: number | null; left: string[] }> {
    const pids = await Promise.all(names.map((name) => this.pid(name)));
    const code = await this.#program.stop();
    const alive = names.filter((_, index) => isAlive(pids[index]!));
    return { code, left: [...alive, ...readdirSync(this.#folder)] };
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Somebody's page, in the room "tea". */
class Tab {
  readonly page: Page;
  /** Where its WebSockets went. */
  readonly targets: URL[] = [];
  readonly #name: string;
  readonly #lines: Locator;

  private constructor(page: Page, name: string) {
    this.page = page;
    this.#name = name;
    this.#lines = page.locator("#log li span");
    page.on("websocket", (ws) => this.targets.push(new URL(ws.url())));
  }

  static async open(browser: Browser, { port }: Example, name: string): Promise<Tab> {
    const page = await browser.newPage();
    onTestFinished(() => page.close());
    page.setDefaultTimeout(60_000);
    const tab = new Tab(page, name);
    await page.goto(`http://localhost:${port}/`);
    await page.getByLabel("Your name").fill(name);
    await page.getByRole("button", { name: "Enter" }).click();
    return tab;
  }

  /** The node that it is on, as soon as it is on one. */
  async node(): Promise<string> {
    const status = this.page.getByRole("status").getByText(/^on node \w+$/);
    return (await status.textContent())!.slice("on node ".length);
  }

  /** Waits for what the page says of its connection. */
  async statusIs(text: string): Promise<void> {
    await this.page.getByRole("status").getByText(text, { exact: true }).waitFor();
  }

  /** Waits until the page shows that these, and nobody else, are in the room. */
  async shows(...names: readonly string[]): Promise<void> {
    const people = this.page.getByRole("list", { name: "Who is here" }).getByRole("listitem");
    await expect.poll(() => people.allTextContents(), { timeout: 60_000 }).toEqual(names);
  }

  async say(text: string): Promise<void> {
    await this.page.getByLabel("Message", { exact: true }).fill(text);
    await this.page.getByRole("button", { name: "Send" }).click();
  }

  /** Begins to say "NAME 1", "NAME 2" and so on, two at a time, ten times a second. */
  talk(): Promise<void> {
    return this.page.evaluate(talkInPage, this.#name);
  }

  /** Ends that. @returns How many it has said. */
  stopTalking(): Promise<number> {
    return this.page.evaluate(stopInPage);
  }

  async hears(text: string): Promise<void> {
    await this.#lines.getByText(text, { exact: true }).waitFor();
  }

  async heard(): Promise<string[]> {
    return this.#lines.allTextContents();
  }
}

/** What is used of a page by functions that run in it. */
interface InPage {
  readonly document: {
    getElementById(id: string): {
      readonly elements: { readonly text: { value: string } };
      requestSubmit(): void;
      readonly childElementCount: number;
    };
  };
  talking: { readonly timer: ReturnType<typeof setInterval>; said: number };
}

function talkInPage(name: string): void {
  const page = globalThis as unknown as InPage;
  const form = page.document.getElementById("say");
  const waiting = page.document.getElementById("waiting");
  const timer = setInterval(() => {
    // The page takes no more than a hundred that it has not seen in the room.
    for (let more = 2; more > 0 && waiting.childElementCount < 80; more--) {
      form.elements.text.value = `${name} ${++page.talking.said}`;
      form.requestSubmit();
    }
  }, 100);
  page.talking = { timer, said: 0 };
}

function stopInPage(): number {
  const { timer, said } = (globalThis as unknown as InPage).talking;
  clearInterval(timer);
  return said;
}

/**
 * Lets some talk while something happens, and checks that all of them hear everything that all say, once and in order.
 *
 * @returns What they have heard; a page has the last 500.
 */
async function talkWhile(
  tabs: Readonly<Record<string, Tab>>,
  happen: () => Promise<unknown>,
): Promise<string[]> {
  const [first, ...others] = Object.values(tabs) as [Tab, ...Tab[]];
  for (const tab of Object.values(tabs)) await tab.talk();
  for (const name of Object.keys(tabs)) await first.hears(`${name} 10`);
  await happen();
  const said = new Map<string, number>();
  for (const [name, tab] of Object.entries(tabs)) said.set(name, await tab.stopTalking());
  for (const [name, count] of said) {
    for (const tab of Object.values(tabs)) await tab.hears(`${name} ${count}`);
  }
  const heard = await first.heard();
  for (const tab of others) expect(await tab.heard()).toEqual(heard);
  for (const [name, count] of said) {
    const own = heard.filter((text) => text.startsWith(`${name} `));
    const numbers = own.map((_, index) => `${name} ${count - own.length + index + 1}`);
    expect(own).toEqual(numbers);
    if (heard.length < 500) expect(own).toHaveLength(count);
  }
  return heard;
}

describe.skipIf(isAbsent)("examples/rooms-on-many-nodes in Chromium", () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: "/usr/bin/chromium",
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
    });
  });

  afterAll(() => browser.close());

  it("loses nothing, repeats nothing and keeps the order when a node is killed while all talk", async () => {
    const example = await Example.start([]);
    const ann = await Tab.open(browser, example, "ann");
    const doomed = await ann.node();
    const bob = await Tab.open(browser, example, "bob");
    const other = await bob.node();
    expect(other).not.toBe(doomed);

    await ann.shows("ann", "bob");
    await bob.shows("ann", "bob");

    const heard = await talkWhile({ bob, ann }, async () => {
      process.kill(await example.pid(doomed), "SIGKILL");
      await expect.poll(() => ann.targets.length, { timeout: 60_000 }).toBeGreaterThan(1);
      await ann.node();
    });
    expect(await bob.node()).toBe(other);
    expect(bob.targets.map(({ searchParams }) => searchParams.get("offset"))).toEqual([null]);
    expect(ann.targets.at(-1)!.searchParams.get("offset")).toMatch(/^\d+-\d+$/);
    const cyd = await Tab.open(browser, example, "cyd");
    await cyd.node();
    expect(heard).toEqual(expect.arrayContaining(await cyd.heard()));
    for (const tab of [ann, bob, cyd]) await tab.shows("ann", "bob", "cyd");
    await cyd.say("<b>all is there</b>");
    await ann.hears("<b>all is there</b>");
    await example.printed(new RegExp(`^${doomed} +process \\d+ is started$`, "m"));

    const stopped = example.stop("redis", "one", "two", "three", "haproxy");
    await cyd.statusIs("away: This node stops");
    expect(await stopped).toEqual({ code: 0, left: [] });
  }, 120_000);

  it("removes the people of a killed node unless they come back, and those who leave at once", async () => {
    const example = await Example.start(["--allow-kill"]);
    const ann = await Tab.open(browser, example, "ann");
    const bob = await Tab.open(browser, example, "bob");
    const cyd = await Tab.open(browser, example, "<b>cyd</b>");
    for (const tab of [ann, bob, cyd]) await tab.shows("<b>cyd</b>", "ann", "bob");
    await cyd.page.getByRole("button", { name: "Leave" }).click();
    await cyd.statusIs("not connected");
    await bob.shows("ann", "bob");

    const doomed = await ann.node();
    await ann.page.getByRole("button", { name: "Kill my node" }).click();
    await example.printed(new RegExp(`^${doomed} +ended with SIGKILL`, "m"));
    await ann.page.close();
    await bob.shows("bob");
    const again = await Tab.open(browser, example, "ann");
    await again.shows("ann", "bob");
    await bob.shows("ann", "bob");
    expect(await example.stop("redis", "haproxy")).toEqual({ code: 0, left: [] });
  }, 120_000);

  it("loses nothing and repeats nothing when Redis is killed while all talk", async () => {
    const example = await Example.start([]);
    const ann = await Tab.open(browser, example, "ann");
    const bob = await Tab.open(browser, example, "bob");
    expect(await bob.node()).not.toBe(await ann.node());

    const heard = await talkWhile({ ann, bob }, async () => {
      process.kill(await example.pid("redis"), "SIGKILL");
      await example.printed(/^redis +process \d+ is started$/m);
    });
    // Nobody is told that something is missing.
    expect(await ann.page.getByRole("log").getByRole("listitem").count()).toBe(heard.length);
    const cyd = await Tab.open(browser, example, "cyd");
    await cyd.node();
    await cyd.hears(heard.at(-1)!);
    expect(await example.stop("one", "two", "three", "haproxy")).toEqual({ code: 0, left: [] });
  }, 120_000);

  it("moves its people when nodes of three runtimes behind nginx are replaced", async () => {
    const example = await Example.start(["--runtime", "mixed", "--balancer", "nginx"]);
    const ann = await Tab.open(browser, example, "ann");
    const bob = await Tab.open(browser, example, "bob");
    const cyd = await Tab.open(browser, example, "cyd");
    const nodes = await Promise.all([ann, bob, cyd].map((tab) => tab.node()));
    expect(new Set(nodes)).toEqual(new Set(["one", "two", "three"]));

    const [, pid] = await example.printed(/kill -HUP (\d+)/);
    await talkWhile({ ann, bob, cyd }, () => {
      process.kill(Number(pid), "SIGHUP");
      return example.printed(/all nodes are replaced/);
    });
    expect(await example.stop("redis", "nginx")).toEqual({ code: 0, left: [] });
  }, 120_000);

  it("says that Redis is missing, and goes on without a history", async () => {
    const example = await Example.start([], { PATH: "/nowhere" });
    await example.printed(/redis-server: apt-get install/);
    const ann = await Tab.open(browser, example, "ann");
    const bob = await Tab.open(browser, example, "bob");
    expect(await bob.node()).not.toBe(await ann.node());
    await ann.shows("ann", "bob");
    await ann.say("hello");
    await bob.hears("hello");
    const cyd = await Tab.open(browser, example, "cyd");
    await cyd.node();
    await cyd.say("nothing of it");
    await cyd.hears("nothing of it");
    expect(await cyd.heard()).toEqual(["nothing of it"]);
    expect(await example.stop("one", "two", "three", "haproxy")).toEqual({ code: 0, left: [] });
  }, 120_000);
});
