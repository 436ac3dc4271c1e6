import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { serve } from "../../adapters/node.ts";
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

describe.skipIf(isAbsent)("Firefox and a server of node:http2", () => {
  let firefox: Firefox;

  beforeAll(async () => {
    firefox = await Firefox.start();
  });
  afterAll(() => firefox.stop());

  it.each([
    [false, /^$/],
    [true, /^permessage-deflate/],
  ])(
    "open WebSockets on the session that the page came by (RFC 8441), compressed: %s",
    async (compression, extensions) => {
      const http2 = createSecureServer(
        { cert: certificate, key: privateKey, allowHTTP1: true },
        (_, response) => {
          response.setHeader("content-type", "text/html");
          response.end("<title>page</title>");
        },
      );
      await new Promise<void>((resolve) => http2.listen(0, "127.0.0.1", resolve));
      onTestFinished(() => void http2.close());
      let sessions = 0;
      const protocols: unknown[] = [];
      http2.on("session", () => sessions++);
      http2.on("stream", (_, headers) => protocols.push(headers[":protocol"]));
      http2.on("upgrade", () => protocols.push("HTTP/1.1"));
      const server = await serve(
        { server: http2, compression },
        {
          upgrade: (request) => ({ protocol: request.protocols[0] }),
          message: (ws, data) => ws.send(data),
        },
      );
      onTestFinished(async () => void (await server.shutdown({ deadline: 0 })));
      await firefox.open(`https://localhost:${(http2.address() as AddressInfo).port}/`);

      const seen = await firefox.evaluate(conversation);

      expect(seen).toEqual({
        right: [0, 1, 125, 126, 65_535, 65_536, 1_000_000],
        code: 4000,
        reason: "bye",
        wasClean: true,
        protocol: "chat.v2",
        extensions: expect.stringMatching(extensions),
      });
      expect(protocols).toContain("websocket");
      expect(protocols).not.toContain("HTTP/1.1");
      expect(sessions).toBe(1);
    },
    60_000,
  );
});
