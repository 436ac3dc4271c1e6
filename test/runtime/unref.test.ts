import { writeFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureBuilt, runtimeCommand } from "../../scripts/built.mjs";
import type { Server } from "../../src/connection/server/serve.ts";
import { adapter } from "../support/adapter.ts";
import { authority, certificate, privateKey } from "../support/certificate.ts";
import { startProgram } from "../support/program.ts";
import { runtime } from "../support/runtime.ts";

/** Programs that have let go what they hold, and end; the server that they connect to is this process's. */

let folder: string;
const servers: Server[] = [];
const env: Record<string, string> = {};

beforeAll(async () => {
  ensureBuilt();
  folder = mkdtempSync(join(tmpdir(), "unref-"));
  env["AUTHORITY"] = join(folder, "authority.pem");
  writeFileSync(env["AUTHORITY"], authority);
  const echo = {
    message: (ws: { send(data: never): unknown }, data: unknown) => ws.send(data as never),
  };
  const hostname = "127.0.0.1";
  const plain = await adapter.serve({ port: 0, hostname }, echo);
  const tls = { cert: certificate, key: privateKey };
  const secure = await adapter.serve({ port: 0, hostname, tls }, echo);
  servers.push(plain, secure);
  env["URL"] = `ws://127.0.0.1:${plain.port}/`;
  env["SECURE_URL"] = `wss://localhost:${secure.port}/`;
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.shutdown({ deadline: 0 })));
  rmSync(folder, { recursive: true });
});

async function run(what: string): Promise<string> {
  const { code, output } = await startProgram(
    [...runtimeCommand(runtime), "test/support/unref.mjs", runtime, what],
    env,
  ).ended;
  expect(code, output).toBe(0);
  return output;
}

describe("a process ends that holds but", () => {
  it.each([
    "a client",
    "a client over TLS",
    "a client that waits for a message",
    "a client that has sent and received",
    "a server",
    "a server with connections",
    "a client that reconnects, and is connected",
    "a client that reconnects, and waits for its next attempt",
  ])("%s, by unref()", async (what) => {
    expect(await run(what)).toBe("ready\n");
  });
});

describe("a process lives on for", () => {
  it.each([
    "a client that is held again",
    "a client that nobody has let go",
    "a server that is held again",
    "a client that reconnects, and is held again",
  ])("%s", async (what) => {
    expect(await run(what)).toBe("ready\nalive\n");
  });
});
