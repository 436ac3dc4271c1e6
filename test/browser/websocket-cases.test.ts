import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { build } from "esbuild";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCaseServer } from "../adapters/websocket/case-server.ts";
import { type Case, cases } from "../adapters/websocket/cases/index.ts";

const executablePath = "/usr/bin/chromium";
const isAbsent = !existsSync(executablePath);
const absence = `there is no ${executablePath} (apt-get install chromium)`;
if (isAbsent && !process.env["CI"]) console.warn(`skipped, the standard's cases: ${absence}`);

if (isAbsent && process.env["CI"]) {
  it("has a browser for the standard's cases", () => expect.fail(absence));
}

/** The cases, as a page has them. */
declare const inPage: { readonly cases: readonly Case[] };
declare const WebSocket: unknown;
declare const CloseEvent: unknown;

/** The cases as one script, which runs in a page. */
async function bundleCases(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: ["test/adapters/websocket/cases/index.ts"],
    bundle: true,
    format: "iife",
    globalName: "inPage",
    // As modules are, and with them the cases elsewhere.
    banner: { js: '"use strict";' },
    write: false,
  });
  return outputFiles[0]!.text;
}

/** What framewire/websocket is held to holds for a browser's own class: otherwise a case would be wrong. */
describe.skipIf(isAbsent)("Chromium's own WebSocket", () => {
  let browser: Browser;
  let page: Page;
  let server: Awaited<ReturnType<typeof startCaseServer>>;
  const http = createServer((_, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end("<!doctype html><title>cases</title>");
  });

  beforeAll(async () => {
    server = await startCaseServer();
    await new Promise<void>((resolve) => void http.listen(0, "127.0.0.1", resolve));
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(http.address() as AddressInfo).port}/`);
    await page.addScriptTag({ content: await bundleCases() });
  });

  afterAll(async () => {
    await browser.close();
    await server.stop();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });

  it.each(cases.map(({ name, expected }, index) => ({ name, expected, index })))(
    "$name",
    async ({ expected, index }) => {
      const seen = await page.evaluate(
        ([places, at]) => inPage.cases[at]!.run({ ...places, WebSocket, CloseEvent }),
        [server.places, index] as const,
      );
      expect(seen).toEqual(expected);
    },
  );
});
