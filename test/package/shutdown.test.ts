import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { startEcho } from "../interop/servers.ts";
import { upgradeRequest } from "../support/peer.ts";

const sockets: { terminate?(): void; destroy?(): void }[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) {
    socket.terminate?.();
    socket.destroy?.();
  }
});

/** A decent client, once it is open, and how its connection ends. */
async function open(port: number): Promise<{ readonly closed: Promise<number> }> {
  const ws = new WebSocket(`ws://127.0.0.1:${port}`);
  sockets.push(ws);
  const closed = new Promise<number>((resolve) => ws.once("close", resolve));
  await new Promise((resolve, reject) => {
    ws.once("open", resolve);
    ws.once("error", reject);
  });
  return { closed };
}

/** A client that answers nothing, once it is open; its socket's end. */
async function openSilent(port: number): Promise<{ readonly closed: Promise<void> }> {
  const socket = connect(port, "127.0.0.1");
  sockets.push(socket);
  socket.on("error", () => {}); // `close` follows
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.write(upgradeRequest());
  await new Promise((resolve) => socket.once("data", resolve));
  socket.resume();
  return { closed };
}

describe.each(["node", "deno", "bun"] as const)("SIGTERM to a server on %s", (runtime) => {
  it("closes 100 open connections with 1001, and exits with code 0", async () => {
    const server = await startEcho(runtime);
    const clients = await Promise.all(Array.from({ length: 100 }, () => open(server.port)));
    const exitCode = await server.stop();
    const statuses = await Promise.all(clients.map(({ closed }) => closed));
    expect(new Set(statuses)).toEqual(new Set([1001]));
    expect(exitCode).toBe(0);
  });

  it("drops at the deadline connections that never answer, and exits with code 0", async () => {
    const server = await startEcho(runtime);
    const silent = await Promise.all(Array.from({ length: 10 }, () => openSilent(server.port)));
    const decent = await Promise.all(Array.from({ length: 10 }, () => open(server.port)));
    const exitCode = await server.stop();
    const statuses = await Promise.all(decent.map(({ closed }) => closed));
    await Promise.all(silent.map(({ closed }) => closed));
    expect(new Set(statuses)).toEqual(new Set([1001]));
    expect(exitCode).toBe(0);
  });
});
