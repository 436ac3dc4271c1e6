import { spawn } from "node:child_process";
import process from "node:process";
import { describe, expect, it } from "vitest";
import { openPeer, RawClient } from "../support/raw-client.ts";
import { runtime } from "../support/runtime.ts";

/** Fewer file descriptors than the clients below want. */
const descriptors = 64;

/** Starts the echo server as a process of its own; gives its port, and a function that ends it. */
async function startLimited(): Promise<{ port: number; stop: () => Promise<unknown> }> {
  const command = `ulimit -n ${descriptors}; exec "$0" "$@"`;
  const program = {
    node: [process.execPath],
    deno: [process.execPath, "run", "-A"],
    bun: [process.execPath, "run"],
  }[runtime];
  const args = [...program, "scripts/echo-server.mjs", "0"];
  const child = spawn("sh", ["-c", command, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = new Promise<number | null>((resolve) => child.on("exit", resolve));
  const port = await new Promise<number>((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk: Uint8Array) => {
      text += String(chunk);
      const match = /listening on (\d+)/.exec(text);
      if (match !== null) resolve(Number(match[1]));
    });
    void exited.then((code) => {
      reject(new Error(`The server ended with ${code}: ${text}`));
    });
  });
  return {
    port,
    stop: () => {
      child.kill("SIGTERM");
      return exited;
    },
  };
}

describe(`an accept loop on ${runtime}`, () => {
  it("goes on when file descriptors run out and come back", async () => {
    const { port, stop } = await startLimited();
    const clients: RawClient[] = [];
    for (let i = 0; i < 2 * descriptors; i++) clients.push(await RawClient.connect(port));
    for (const client of clients) client.destroy();
    const { peer } = await openPeer(port);
    peer.text("still here");
    await peer.seen("text still here");
    expect(peer.lines).toEqual(["open", "text still here"]);
    peer.close(1000);
    await peer.seen("closed");
    // Its exit code is test/interop's to check: Deno reports the signal here even where the child exits with 0.
    await stop();
  });
});
