import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "../../scripts/sizes.mjs";
import { serve } from "../../adapters/node/index.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { Server } from "../../src/connection/server/serve.ts";

const executablePath = "/usr/bin/chromium";
const isAbsent = !existsSync(executablePath);
const absence = `there is no ${executablePath} (apt-get install chromium)`;
if (isAbsent && !process.env["CI"]) console.warn(`skipped, the entry for browsers: ${absence}`);

if (isAbsent && process.env["CI"]) {
  it("has a browser for the entry", () => expect.fail(absence));
}

/** The built entry, as a page loads it, in Chromium; what a function of a test may use is on `window.framewire`. */
type Framewire = typeof import("../../adapters/browser/index.ts");
declare const framewire: Framewire;

describe.skipIf(isAbsent)("framewire/browser in Chromium", () => {
  let browser: Browser;
  let page: Page;
  let server: Server;
  const http = createServer();
  const opened: Connection[] = [];

  beforeAll(async () => {
    const script = new TextDecoder().decode(await bundle(`export * from "framewire/browser";`));
    http.on("request", (request, response) => {
      const isScript = request.url === "/framewire.js";
      response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html");
      response.end(
        isScript
          ? script
          : `<!doctype html><script type="module">
               window.framewire = await import("/framewire.js"); document.title = "ready";
             </script>`,
      );
    });
    await new Promise<void>((resolve) => void http.listen(0, "127.0.0.1", resolve));
    server = await serve(
      { server: http },
      {
        routes: {
          "/echo": {
            upgrade: ({ protocols }) => ({ protocol: protocols[0] }),
            message: (ws, data) => ws.send(data),
          },
          "/feed": {
            open(ws) {
              opened.push(ws);
            },
            message: (ws, data) => ws.send(`${opened.length} ${String(data)}`),
          },
          "/closing": { open: (ws) => void ws.close(4001, "enough") },
          "/refused": { upgrade: () => ({ status: 403 }) },
        },
      },
    );
    browser = await chromium.launch({
      executablePath,
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
    });
    page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${server.port}/`);
    await page.waitForFunction("document.title === 'ready'");
  });

  afterAll(async () => {
    await browser.close();
    await server.shutdown({ deadline: 0 });
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });

  it("sends and receives text, bytes and Blobs, on a path of the page's own server", async () => {
    const seen = await page.evaluate(async () => {
      const ws = await framewire.connect("/echo", { protocols: ["chat"] });
      await ws.send("text");
      await ws.send(new Uint8Array([1, 2, 3]));
      await ws.send(new Blob(["blob"]));
      const text = await ws.receive();
      const bytes = Array.from((await ws.receive()) as Uint8Array);
      const blob = new TextDecoder().decode((await ws.receive()) as Uint8Array);
      const closure = await ws.close(4000, "bye");
      return [ws.protocol, ws.target, text, bytes, blob, closure];
    });
    expect(seen).toEqual([
      "chat",
      "/echo",
      "text",
      [1, 2, 3],
      "blob",
      { status: 4000, reason: "bye", clean: true, initiator: "local" },
    ]);
  });

  it("waits if much is unsent, until the browser has sent it", async () => {
    const [before, after, count] = await page.evaluate(async () => {
      let received = 0;
      let done = (): void => {};
      const all = new Promise<void>((resolve) => (done = resolve));
      const ws = await framewire.connect(
        "/echo",
        { highWaterMark: 1000 },
        {
          message(_, data) {
            received += data.length;
            if (received === 4_000_000) done();
          },
        },
      );
      let unsent = 0;
      for (let i = 0; i < 4; i++) {
        const sent = ws.send(new Uint8Array(1_000_000));
        unsent = Math.max(unsent, ws.bufferedAmount);
        await sent;
      }
      const left = ws.bufferedAmount;
      await all;
      await ws.close();
      return [unsent, left, received];
    });
    expect(before).toBeGreaterThan(1000);
    expect(after).toBeLessThanOrEqual(1000);
    expect(count).toBe(4_000_000);
  });

  it("tells how the server has closed, and only FAILED if it has refused", async () => {
    const [closure, code, name] = await page.evaluate(async () => {
      const ws = await framewire.connect("/closing");
      const ended = await ws.closed;
      const error = await framewire.connect("/refused").catch((reason: unknown) => reason);
      const { code, name } = error as { code: string; name: string };
      return [ended, code, name] as const;
    });
    expect(closure).toEqual({ status: 4001, reason: "enough", clean: true, initiator: "peer" });
    expect([code, name]).toEqual(["FAILED", "TransportError"]);
  });

  it("says what a browser cannot do", async () => {
    const messages = await page.evaluate(async () => {
      const connect = framewire.connect as (...given: unknown[]) => Promise<unknown>;
      const messageOf = (reason: unknown): string =>
        `${(reason as Error).name} ${(reason as Error).message}`;
      return Promise.all(
        ["headers", "proxy", "tls", "pingInterval"].map((name) =>
          connect("/echo", { [name]: [] }).then(() => "", messageOf),
        ),
      );
    });
    for (const message of messages)
      expect(message).toMatch(/^TypeError A browser's WebSocket has no option/);
  });

  it("reconnects, loses nothing that waits, and resumes each connection", async () => {
    const first = page.evaluate(async () => {
      const lines: string[] = [];
      const feed = framewire.reconnecting(({ signal }) => framewire.connect("/feed", { signal }), {
        whileAway: "wait",
        initialDelay: 10,
        resume: (ws) => ws.send("hello"),
        disconnected: ({ closure }) => void lines.push(`lost ${closure?.status}`),
      });
      void feed.send("one");
      for await (const message of feed) {
        lines.push(String(message));
        if (lines.length === 2) {
          await feed.connection!.closed;
          void feed.send("two");
        }
        if (lines.length === 5) void feed.close();
      }
      return lines;
    });
    await expect.poll(() => opened.length, { timeout: 10_000 }).toBe(1);
    await expect.poll(() => opened[0]!.counters.received.messages).toBe(2);
    opened[0]!.terminate();
    expect(await first).toEqual(["1 hello", "1 one", "lost 1006", "2 hello", "2 two"]);
  });
});
