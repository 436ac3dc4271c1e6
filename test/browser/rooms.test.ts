import { existsSync } from "node:fs";
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
  readonly port: number;

  private constructor(program: Program, port: number) {
    this.#program = program;
    this.port = port;
  }

  static async start(
    options: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Example> {
    const command = [process.execPath, "scripts/example-rooms.mjs", ...options];
    const program = startProgram(command, { PORT: "0", ...env });
    onTestFinished(async () => void (await program.stop()));
    const [, port] = await program.line(/^rooms on http:\/\/localhost:(\d+)$/m);
    return new Example(program, Number(port));
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

  /** Stops it as Ctrl-C does, and tells which of its programs are left. */
  async stop(...names: readonly string[]): Promise<{ code: number | null; left: string[] }> {
    const pids = await Promise.all(names.map((name) => this.pid(name)));
    const code = await this.#program.stop();
    return { code, left: names.filter((_, index) => isAlive(pids[index]!)) };
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

  async say(text: string): Promise<void> {
    await this.page.getByLabel("Message", { exact: true }).fill(text);
    await this.page.getByRole("button", { name: "Send" }).click();
  }

  /** Says "NAME 1", "NAME 2" and so on, with five on their way at a time. @returns Resolves when the page has heard all of them. */
  sayMany(count: number): Promise<void> {
    return this.page.evaluate(sayInPage, { name: this.#name, count, atOnce: 5 });
  }

  async hears(text: string): Promise<void> {
    await this.#lines.getByText(text, { exact: true }).waitFor();
  }

  async heard(): Promise<string[]> {
    return this.#lines.allTextContents();
  }
}

/** What of a page's DOM is used by `sayInPage`, which runs in it. */
interface PageForm {
  readonly elements: { readonly text: { value: string } };
  requestSubmit(): void;
}

async function sayInPage(wanted: { name: string; count: number; atOnce: number }): Promise<void> {
  const { document, MutationObserver } = globalThis as unknown as {
    readonly document: { getElementById(id: string): { readonly children: ArrayLike<unknown> } };
    readonly MutationObserver: new (changed: () => void) => {
      observe(node: unknown, options: object): void;
    };
  };
  const form = document.getElementById("say") as unknown as PageForm;
  const log = document.getElementById("log");
  const { name, count, atOnce } = wanted;
  const own = (): number =>
    Array.from(log.children as ArrayLike<{ readonly textContent: string }>).filter(
      ({ textContent }) => textContent.includes(`${name}${name} `),
    ).length;
  let said = 0;
  await new Promise<void>((resolve) => {
    const go = (): void => {
      const heard = own();
      if (heard === count) resolve();
      while (said < Math.min(count, heard + atOnce)) {
        form.elements.text.value = `${name} ${++said}`;
        form.requestSubmit();
      }
    };
    new MutationObserver(go).observe(log, { childList: true });
    go();
  });
}

/** "NAME 1" to "NAME `count`". */
function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name} ${index + 1}`);
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

  it("loses nothing, doubles nothing and keeps the order when a node is killed while all talk", async () => {
    const example = await Example.start([]);
    const ann = await Tab.open(browser, example, "ann");
    const doomed = await ann.node();
    const bob = await Tab.open(browser, example, "bob");
    const other = await bob.node();
    expect(other).not.toBe(doomed);

    const talking = Promise.all([ann.sayMany(40), bob.sayMany(40)]);
    await bob.hears("ann 20");
    process.kill(await example.pid(doomed), "SIGKILL");
    await talking;
    await ann.hears("bob 40");
    await bob.hears("ann 40");

    const heard = await ann.heard();
    expect(await bob.heard()).toEqual(heard);
    for (const name of ["ann", "bob"]) {
      expect(heard.filter((text) => text.startsWith(name))).toEqual(numbered(name, 40));
    }
    expect(await bob.node()).toBe(other);
    expect(bob.targets.map(({ searchParams }) => searchParams.get("offset"))).toEqual([null]);
    expect(ann.targets.at(-1)!.searchParams.get("offset")).toMatch(/^\d+-\d+$/);
    const cyd = await Tab.open(browser, example, "cyd");
    await cyd.node();
    expect(await cyd.heard()).toEqual(heard);
    await cyd.say("<b>all is there</b>");
    await ann.hears("<b>all is there</b>");
    await example.printed(new RegExp(`^${doomed} +process \\d+ is started$`, "m"));

    const stopped = example.stop("redis", "one", "two", "three", "haproxy");
    await cyd.statusIs("away: This node stops");
    expect(await stopped).toEqual({ code: 0, left: [] });
  }, 120_000);

  it("loses nothing and doubles nothing when Redis is killed while all talk", async () => {
    const example = await Example.start([]);
    const ann = await Tab.open(browser, example, "ann");
    const bob = await Tab.open(browser, example, "bob");
    expect(await bob.node()).not.toBe(await ann.node());

    const talking = Promise.all([ann.sayMany(40), bob.sayMany(40)]);
    await bob.hears("ann 10");
    process.kill(await example.pid("redis"), "SIGKILL");
    await talking;
    await ann.hears("bob 40");
    await bob.hears("ann 40");
    const heard = await ann.heard();
    expect(await bob.heard()).toEqual(heard);
    for (const name of ["ann", "bob"]) {
      expect(heard.filter((text) => text.startsWith(name))).toEqual(numbered(name, 40));
    }
    const cyd = await Tab.open(browser, example, "cyd");
    await cyd.node();
    expect(await cyd.heard()).toEqual(heard);
    expect(await example.stop("one", "two", "three", "haproxy")).toEqual({ code: 0, left: [] });
  }, 120_000);

  it("moves its people when nodes of three runtimes behind nginx are replaced", async () => {
    const example = await Example.start(["--runtime", "mixed", "--balancer", "nginx"]);
    const names = ["ann", "bob", "cyd"];
    const tabs: Tab[] = [];
    for (const name of names) tabs.push(await Tab.open(browser, example, name));
    const nodes = await Promise.all(tabs.map((tab) => tab.node()));
    expect(new Set(nodes)).toEqual(new Set(["one", "two", "three"]));

    const talking = Promise.all(tabs.map((tab) => tab.sayMany(30)));
    const [, pid] = await example.printed(/kill -HUP (\d+)/);
    process.kill(Number(pid), "SIGHUP");
    await example.printed(/all nodes are replaced/);
    await talking;
    for (const tab of tabs) for (const name of names) await tab.hears(`${name} 30`);
    const heard = await tabs[0]!.heard();
    for (const tab of tabs) expect(await tab.heard()).toEqual(heard);
    for (const name of names) {
      expect(heard.filter((text) => text.startsWith(name))).toEqual(numbered(name, 30));
    }
    expect(await example.stop("redis", "nginx")).toEqual({ code: 0, left: [] });
  }, 120_000);

  it("says that Redis is missing, and goes on without a history", async () => {
    const example = await Example.start([], { PATH: "/nowhere" });
    await example.printed(/redis-server: apt-get install/);
    const ann = await Tab.open(browser, example, "ann");
    const bob = await Tab.open(browser, example, "bob");
    expect(await bob.node()).not.toBe(await ann.node());
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
