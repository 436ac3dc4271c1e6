import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve as serveHono } from "@hono/node-server";
import express from "express";
import Fastify from "fastify";
import { H3 } from "h3";
import { toNodeHandler } from "h3/node";
import { Hono } from "hono";
import { describe, expect, it, onTestFinished } from "vitest";
import WebSocket from "ws";
import { newSocketStream } from "../../adapters/node/index.ts";
import { HttpUpgrader } from "../../src/handshake/server/http-upgrader.ts";
import { rejectConnection } from "../../src/handshake/server/reject.ts";
import { headerText } from "../../src/http/view.ts";
import { readClientData, writeServerMessage } from "../../src/stream/helpers.ts";

/** How each framework comes to a listening server of `node:http`. */
const frameworks: Record<string, () => Promise<Server>> = {
  async "node:http"() {
    return listening(createServer((_, response) => response.end("plain")));
  },
  async Express() {
    const app = express();
    app.get("/plain", (_, response) => void response.send("plain"));
    return listening(createServer(app));
  },
  async Fastify() {
    const app = Fastify();
    app.get("/plain", () => "plain");
    await app.listen({ port: 0, host: "127.0.0.1" });
    onTestFinished(() => app.close());
    return app.server;
  },
  async Hono() {
    const app = new Hono();
    app.get("/plain", (context) => context.text("plain"));
    return new Promise((resolve) => {
      const server = serveHono({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, () => {
        resolve(server as Server);
      });
      onTestFinished(() => void server.close());
    });
  },
  async h3() {
    const app = new H3().get("/plain", () => "plain");
    return listening(createServer(toNodeHandler(app)));
  },
};

async function listening(server: Server): Promise<Server> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return server;
}

const upgrader = new HttpUpgrader({
  onRequest(target) {
    if (headerText(target) !== "/chat") throw rejectConnection({ status: 404 });
  },
});

/** Echoes on /chat of a server, until the peer closes. */
function attach(server: Server): void {
  server.on("upgrade", async (request, socket, head) => {
    const conn = newSocketStream(socket);
    try {
      const stream = await upgrader.upgrade(request, conn, head);
      for (;;) {
        const { opcode, payload } = await readClientData(stream);
        await writeServerMessage(stream, opcode, payload);
      }
    } catch {
      await conn.close();
    }
  });
}

describe.each(Object.entries(frameworks))("HttpUpgrader behind %s", (_, start) => {
  it("echoes beside the framework's own routes, and refuses other paths", async () => {
    const server = await start();
    attach(server);
    const { port } = server.address() as AddressInfo;

    const ws = new WebSocket(`ws://127.0.0.1:${port}/chat`);
    onTestFinished(() => ws.terminate());
    const reply = await new Promise((resolve, reject) => {
      ws.on("error", reject);
      ws.on("open", () => ws.send("Hello"));
      ws.on("message", (data) => resolve(String(data)));
    });
    expect(reply).toBe("Hello");

    const response = await fetch(`http://127.0.0.1:${port}/plain`);
    expect(await response.text()).toBe("plain");

    const refused = new WebSocket(`ws://127.0.0.1:${port}/other`);
    refused.on("error", () => {});
    const status = await new Promise((resolve) => {
      refused.on("unexpected-response", (_, answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
    });
    expect(status).toBe(404);
  });
});
