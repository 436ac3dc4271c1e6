import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ServerProgram, startEcho } from "../interop/servers.ts";

const executablePath = "/usr/bin/chromium";
const isAbsent = !existsSync(executablePath);
const absence = `there is no ${executablePath} (apt-get install chromium)`;
if (isAbsent && !process.env["CI"]) console.warn(`skipped, a browser that compresses: ${absence}`);

/** What a page sees of an echo: what was agreed upon, and the sizes whose messages came back as they were sent. */
interface Seen {
  readonly extensions: string;
  readonly sizes: number[];
}

/** Sends texts and bytes of these sizes from a page, each twice, and compares what comes back. */
function echoFromPage(page: Page, port: number, sizes: readonly number[]): Promise<Seen> {
  return page.evaluate(
    async ({ port, sizes }) => {
      const ws = new WebSocket(`ws://127.0.0.1:${port}/`);
      ws.binaryType = "arraybuffer";
      await new Promise((resolve) => {
        ws.onopen = resolve;
      });
      const answer = async (data: string | Uint8Array<ArrayBuffer>): Promise<unknown> => {
        const came = new Promise<MessageEvent>((resolve) => {
          ws.onmessage = resolve;
        });
        ws.send(data);
        return (await came).data;
      };
      const right: number[] = [];
      for (const size of sizes) {
        const text = "Zażółć gęślą jaźń, ".repeat(Math.ceil(size / 18)).slice(0, size);
        const bytes = new Uint8Array(size).map((_, i) => (i * i) >> 5);
        for (let round = 0; round < 2; round++) {
          const backText = await answer(text);
          const back = new Uint8Array((await answer(bytes)) as ArrayBuffer);
          const isSame = back.length === size && back.every((byte, i) => byte === bytes[i]);
          if (backText === text && isSame) right.push(size);
        }
      }
      ws.close();
      return { extensions: ws.extensions, sizes: right };
    },
    { port, sizes },
  );
}

if (isAbsent && process.env["CI"]) {
  it("has a browser", () => expect.fail(absence));
}

describe.skipIf(isAbsent)("Chromium and an echo server that compresses", () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  });

  afterAll(() => browser.close());

  describe.each(["node", "deno", "bun"] as const)("on %s", (runtime) => {
    it.each([
      [{}, "permessage-deflate; server_max_window_bits=13; client_max_window_bits=13"],
      [
        { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true },
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=13; client_max_window_bits=13",
      ],
      [
        { threshold: 0, serverMaxWindowBits: 8, clientMaxWindowBits: 8 },
        "permessage-deflate; server_max_window_bits=8; client_max_window_bits=8",
      ],
      [{ threshold: 1024, serverMaxWindowBits: 15, clientMaxWindowBits: 15 }, "permessage-deflate"],
    ])("with %o get back what the browser sends", async (options, extensions) => {
      const echo: ServerProgram = await startEcho(
        runtime,
        "--compression",
        JSON.stringify(options),
      );
      const page = await browser.newPage();
      try {
        const sizes = [1, 63, 64, 1000, 1024, 65_536, 1024 ** 2];
        expect(await echoFromPage(page, echo.port, sizes)).toEqual({
          extensions,
          sizes: sizes.flatMap((size) => [size, size]),
        });
      } finally {
        await page.close();
        await echo.stop();
      }
    });
  });
});
