import { existsSync } from "node:fs";
import {
  type Browser,
  type BrowserContext,
  chromium,
  type Locator,
  type Page,
} from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runtimeCommand } from "../../scripts/built.mjs";
import { type ServerProgram, startServer } from "../interop/servers.ts";
import type { Runtime } from "../support/runtime.ts";

const executablePath = "/usr/bin/chromium";
const isAbsent = !existsSync(executablePath);
const absence = `there is no ${executablePath} (apt-get install chromium)`;
if (isAbsent && !process.env["CI"]) console.warn(`skipped, a browser in the chat: ${absence}`);

/** How users start the chat. */
const servers: [runtime: Runtime, command: string[]][] = [
  ["node", [...runtimeCommand("node"), "scripts/start.mjs"]],
  ["deno", [...runtimeCommand("deno"), "examples/chat/deno.js"]],
  ["bun", [...runtimeCommand("bun"), "examples/chat/bun.js"]],
];

/** A tab with the chat in it. */
class Tab {
  readonly page: Page;
  readonly nameField: Locator;
  readonly textField: Locator;
  readonly #lines: Locator;

  private constructor(page: Page) {
    this.page = page;
    this.nameField = page.getByPlaceholder("Your name");
    this.textField = page.getByPlaceholder("Say something");
    this.#lines = page.locator("#log li");
  }

  static async open(context: BrowserContext, port: number): Promise<Tab> {
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    await page.goto(`http://localhost:${port}/`);
    return new Tab(page);
  }

  async join(name: string): Promise<void> {
    await this.nameField.fill(name);
    await this.page.getByRole("button", { name: "Join" }).click();
    await this.statusIs(`connected as ${name}`);
  }

  async say(text: string): Promise<void> {
    await this.textField.fill(text);
    await this.page.getByRole("button", { name: "Send" }).click();
  }

  /** Waits until the log has as many lines, and checks that it has these. */
  async shows(...lines: string[]): Promise<void> {
    await this.#lines.nth(lines.length - 1).waitFor();
    expect(await this.#lines.allTextContents()).toEqual(lines);
  }

  async statusIs(text: string): Promise<void> {
    await this.page.getByRole("status").getByText(text, { exact: true }).waitFor();
  }
}

if (isAbsent && process.env["CI"]) {
  it("has a browser for the chat", () => expect.fail(absence));
}

describe.skipIf(isAbsent)("chat in Chromium", () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath,
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
  });

  afterAll(() => browser.close());

  describe.each(servers)("served by %s", (_runtime, command) => {
    let chat: ServerProgram;
    let context: BrowserContext;

    beforeEach(async () => {
      chat = await startServer(command, /^chat on http:\/\/localhost:(\d+)\n/m, { PORT: "0" });
      context = await browser.newContext();
    });

    afterEach(async () => {
      await context.close();
      await chat.stop();
    });

    it("shows each tab who joins, what is said and who leaves", async () => {
      const alice = await Tab.open(context, chat.port);
      await alice.join("alice");
      await alice.shows("alice joined, 1 here");
      const bob = await Tab.open(context, chat.port);
      await bob.join("bob");
      await bob.shows("bob joined, 2 here");
      await alice.shows("alice joined, 1 here", "bob joined, 2 here");

      await alice.say("Good day, bob");
      await bob.shows("bob joined, 2 here", "alice: Good day, bob");
      await bob.say("Zażółć <b>gęślą</b> jaźń 👋");

      const said = ["alice: Good day, bob", "bob: Zażółć <b>gęślą</b> jaźń 👋"];
      await bob.shows("bob joined, 2 here", ...said);
      await bob.page.close();
      await alice.shows("alice joined, 1 here", "bob joined, 2 here", ...said, "bob left, 1 here");
    });

    it("shows only the form that can be used", async () => {
      const tab = await Tab.open(context, chat.port);
      await tab.statusIs("not connected");
      expect(await tab.nameField.isVisible()).toBe(true);
      expect(await tab.textField.isVisible()).toBe(false);

      await tab.join("alice");

      await tab.textField.waitFor();
      expect(await tab.nameField.isVisible()).toBe(false);
    });

    it("shows status and reason when the server stops", async () => {
      const tab = await Tab.open(context, chat.port);
      await tab.join("alice");

      expect(await chat.stop()).toBe(0);

      await tab.statusIs("not connected (1001: The server stops)");
      expect(await tab.nameField.isVisible()).toBe(true);
    });
  });
});
