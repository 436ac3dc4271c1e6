import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { runtimeCommand } from "../../scripts/built.mjs";
import { type ServerProgram, startServer } from "../interop/servers.ts";

const executablePath = "/usr/bin/chromium";
const isAbsent = !existsSync(executablePath);
const absence = `there is no ${executablePath} (apt-get install chromium)`;
if (isAbsent && !process.env["CI"]) console.warn(`skipped, the notes in a browser: ${absence}`);

if (isAbsent && process.env["CI"]) {
  it("has a browser for the notes", () => expect.fail(absence));
}

function start(runtime: string, port: number): Promise<ServerProgram> {
  const command = [...runtimeCommand(runtime), "examples/browser/server.js"];
  const ready = /^notes on http:\/\/localhost:(\d+)\n/m;
  return startServer(command, ready, { PORT: String(port) });
}

describe.skipIf(isAbsent)("examples/browser in Chromium", () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath,
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
    });
  });

  afterAll(() => browser.close());

  it.each(["node", "deno", "bun"])(
    "shows notes to all, and sends what was written while the server was away, on %s",
    async (runtime) => {
      const first = await start(runtime, 0);
      onTestFinished(async () => void (await first.stop()));
      const context = await browser.newContext();
      onTestFinished(() => context.close());
      const open = async () => {
        const page = await context.newPage();
        page.setDefaultTimeout(10_000);
        await page.goto(`http://localhost:${first.port}/`);
        await page.getByRole("status").getByText("online", { exact: true }).waitFor();
        return page;
      };
      const [ann, bob] = [await open(), await open()];
      const add = async (text: string): Promise<void> => {
        await ann.getByPlaceholder("A note").fill(text);
        await ann.getByRole("button", { name: "Add" }).click();
      };
      await add("<b>one</b>");
      await bob.getByText("<b>one</b>", { exact: true }).waitFor();

      expect(await first.stop()).toBe(0);
      await ann.getByRole("status").getByText("offline: ").waitFor();
      await add("two");
      const second = await start(runtime, first.port);
      onTestFinished(async () => void (await second.stop()));
      await bob.getByText("two", { exact: true }).waitFor();
      await ann.getByText("two", { exact: true }).waitFor();
      expect(await bob.locator("li").allTextContents()).toEqual(["<b>one</b>", "two"]);
    },
    60_000,
  );
});
