import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { runtimeCommand } from "../../scripts/built.mjs";
import { startServer } from "../interop/servers.ts";
import { certificate, privateKey } from "../support/certificate.ts";
import { Firefox, firefoxAbsence } from "./firefox.ts";

/*
 * HTTP/2 alone: over HTTP/1.1 Firefox is one of the clients of test/interop, on all runtimes.
 */

const isAbsent = firefoxAbsence !== undefined;
if (isAbsent && !process.env["CI"]) console.warn(`skipped, Firefox: ${firefoxAbsence}`);

if (isAbsent && process.env["CI"]) {
  it("has Firefox", () => expect.fail(firefoxAbsence));
}

/** What a page sees: the sizes whose messages came back as they were sent, and the end. */
const conversation = `(async () => {
  const ws = new WebSocket(location.href.replace("https", "wss"), ["chat.v2", "chat.v1"]);
  ws.binaryType = "arraybuffer";
  await new Promise((resolve, reject) => {
    ws.onopen = resolve;
    ws.onerror = () => reject(new Error("refused"));
  });
  const answer = (data) => new Promise((resolve) => {
    ws.onmessage = (event) => resolve(event.data);
    ws.send(data);
  });
  const right = [];
  for (const size of [0, 1, 125, 126, 65_535, 65_536, 1_000_000]) {
    const text = "Zażółć gęślą jaźń, ".repeat(Math.ceil(size / 18)).slice(0, size);
    const bytes = new Uint8Array(size).map((_, i) => i % 251);
    const backText = await answer(text);
    const back = new Uint8Array(await answer(bytes));
    if (backText === text && back.length === size && back.every((byte, i) => byte === bytes[i])) right.push(size);
  }
  const closed = new Promise((resolve) => { ws.onclose = resolve; });
  ws.close(4000, "bye");
  const { code, reason, wasClean } = await closed;
  return { right, code, reason, wasClean, protocol: ws.protocol, extensions: ws.extensions };
})()`;

const runs = (["node", "deno", "bun"] as const).flatMap(
  (runtime) =>
    [
      [runtime, false, /^$/],
      [runtime, true, /^permessage-deflate/],
    ] as const,
);

describe.skipIf(isAbsent)("Firefox and a server of node:http2", () => {
  let firefox: Firefox;

  beforeAll(async () => {
    firefox = await Firefox.start();
  });
  afterAll(() => firefox.stop());

  it.each(runs)(
    "on %s open WebSockets over HTTP/2 (RFC 8441), compressed: %s",
    async (runtime, compression, extensions) => {
      const flags = compression ? ["--compression"] : [];
      const command = [...runtimeCommand(runtime), "test/browser/servers/http2.mjs", ...flags];
      const server = await startServer(command, /listening on (\d+)/, {
        CERTIFICATE: certificate,
        KEY: privateKey,
      });
      onTestFinished(async () => void (await server.stop()));
      await firefox.open(`https://localhost:${server.port}/`);

      const seen = await firefox.evaluate(conversation);

      expect(seen).toEqual({
        right: [0, 1, 125, 126, 65_535, 65_536, 1_000_000],
        code: 4000,
        reason: "bye",
        wasClean: true,
        protocol: "chat.v2",
        extensions: expect.stringMatching(extensions),
      });
      const told = await firefox.evaluate(`fetch("/seen").then((response) => response.json())`);
      expect(told).toEqual({ protocols: ["websocket"], upgrades: 0 });
    },
    60_000,
  );
});
