import process from "node:process";
import { describe, expect, it } from "vitest";
import { Peer, upgradeRequest } from "../support/peer.ts";
import { RawClient } from "../support/raw-client.ts";
import { type Program, startProgram } from "../support/program.ts";
import { runtime } from "../support/runtime.ts";

/** Fewer file descriptors than the clients below want. */
const descriptors = 128;

/** Starts the echo server as a process of its own. */
function startLimited(): Program {
  const command = `ulimit -n ${descriptors}; exec "$0" "$@"`;
  const program = {
    node: [process.execPath],
    deno: [process.execPath, "run", "-A"],
    bun: [process.execPath, "run"],
  }[runtime];
  return startProgram(["sh", "-c", command, ...program, "scripts/echo-server.mjs", "0"]);
}

/** Connects until it succeeds: Node drops who comes while there are no descriptors, and the server has to notice first. */
async function openAgain(port: number): Promise<Peer> {
  for (;;) {
    const peer = new Peer(await RawClient.connect(port));
    peer.send(upgradeRequest());
    await peer.seen(/^(open|closed)$/);
    if (peer.lines.includes("open")) return peer;
  }
}

describe(`an accept loop on ${runtime}`, () => {
  it("goes on when file descriptors run out and come back", async () => {
    const server = startLimited();
    const port = Number((await server.line(/listening on (\d+)/))[1]);
    const clients: RawClient[] = [];
    for (let i = 0; i < 2 * descriptors; i++) clients.push(await RawClient.connect(port));
    for (const client of clients) client.destroy();
    const peer = await openAgain(port);
    peer.text("still here");
    await peer.seen("text still here");
    expect(peer.lines).toEqual(["open", "text still here"]);
    peer.close(1000);
    await peer.seen("closed");
    // Its exit code is test/interop's to check: Deno reports the signal here even where the child exits with 0.
    await server.stop();
  });
});
