import { existsSync } from "node:fs";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { serve } from "../../adapters/node/index.ts";
import { certificate, privateKey } from "../support/certificate.ts";

const executablePath = "/usr/bin/chromium";
const isAbsent = !existsSync(executablePath);
const absence = `there is no ${executablePath} (apt-get install chromium)`;
if (isAbsent && !process.env["CI"]) console.warn(`skipped, a browser over HTTP/2: ${absence}`);

if (isAbsent && process.env["CI"]) {
  it("has a browser", () => expect.fail(absence));
}

describe.skipIf(isAbsent)("Chromium and a server of node:http2", () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  });
  afterAll(() => browser.close());

  it.each([false, true])(
    "opens WebSockets on the session that it got the page by, compressed: %s",
    async (compression) => {
      const http2 = createSecureServer(
        { cert: certificate, key: privateKey, allowHTTP1: true },
        (_, response) => {
          response.setHeader("content-type", "text/html");
          response.end("<title>page</title>");
        },
      );
      await new Promise<void>((resolve) => http2.listen(0, "127.0.0.1", resolve));
      onTestFinished(() => void http2.close());
      const protocols: (string | undefined)[] = [];
      const versions: string[] = [];
      http2.on("stream", (_, headers) => protocols.push(headers[":protocol"] as string));
      http2.on("upgrade", () => versions.push("HTTP/1.1"));
      const server = await serve(
        { server: http2, compression },
        { message: (ws, data) => ws.send(data) },
      );
      onTestFinished(async () => void (await server.shutdown({ deadline: 0 })));

      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      const page = await context.newPage();
      const { port } = http2.address() as AddressInfo;
      await page.goto(`https://localhost:${port}/`);
      const seen = await page.evaluate(async (port) => {
        const ws = new WebSocket(`wss://localhost:${port}/`);
        await new Promise((resolve, reject) => {
          ws.onopen = resolve;
          ws.onerror = () => {
            reject(new Error("refused"));
          };
        });
        const sizes = [0, 1, 125, 126, 65_535, 65_536, 1_000_000];
        const right: number[] = [];
        for (const size of sizes) {
          const text = "Zażółć gęślą jaźń, ".repeat(Math.ceil(size / 18)).slice(0, size);
          const came = new Promise<MessageEvent>((resolve) => {
            ws.onmessage = resolve;
          });
          ws.send(text);
          if ((await came).data === text) right.push(size);
        }
        const closed = new Promise<{ code: number; reason: string; wasClean: boolean }>(
          (resolve) => {
            ws.onclose = resolve;
          },
        );
        ws.close(4000, "bye");
        const { code, reason, wasClean } = await closed;
        return { right, code, reason, wasClean, extensions: ws.extensions };
      }, port);
      expect(seen).toMatchObject({
        right: [0, 1, 125, 126, 65_535, 65_536, 1_000_000],
        code: 4000,
        reason: "bye",
        wasClean: true,
      });
      expect(seen.extensions.startsWith("permessage-deflate")).toBe(compression);
      expect(protocols).toContain("websocket");
      expect(versions).toEqual([]);
      await context.close();
    },
    60_000,
  );
});
