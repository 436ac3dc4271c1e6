import process from "node:process";
import { connect as connectTcp, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { TransportHandler } from "../../src/transport.ts";
import { pong } from "../hostile/support.ts";
import { adapter } from "../support/adapter.ts";
import { openPeer } from "../support/raw-client.ts";
import { type Program, startProgram } from "../support/program.ts";
import { runtime } from "../support/runtime.ts";

/** Servers that say nothing for a while, or for ever, as processes of their own: one process cannot be blocked and look on. */

const silent: TransportHandler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };

const programs: Program[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(programs.splice(0).map((program) => program.stop()));
});

/** Starts a program of test/support on the runtime at hand, and waits for its port. */
async function start(file: string): Promise<{ program: Program; port: number }> {
  const command = {
    node: [process.execPath],
    deno: [process.execPath, "run", "-A"],
    bun: [process.execPath, "run"],
  }[runtime];
  const program = startProgram([...command, `test/support/${file}`]);
  programs.push(program);
  const [, port] = await program.line(/listening on (\d+)/);
  return { program, port: Number(port) };
}

describe(`a server whose event loop is blocked for two seconds, on ${runtime}`, () => {
  it("gives nobody up who answered its pings meanwhile, and still gives up who does not", async () => {
    const { program, port } = await start("blocking-server.mjs");
    const blocker = await openPeer(port);
    const { peer, client } = await openPeer(port);
    const ping = await new Promise<Uint8Array>((resolve) => {
      client.handler = {
        ...silent,
        onData: (chunk) => {
          resolve(chunk.slice());
        },
      };
    });
    expect(ping[0]).toBe(0x89);
    // Another connection does it: whatever came on this one would be a sign of life.
    blocker.peer.text("block");
    await program.line(/^blocking$/m);
    // It comes long before pongTimeout, and cannot be read before that is over.
    client.write(pong(ping.subarray(2)).from("client"));
    client.handler = peer;
    await blocker.peer.seen("text done with block");
    await peer.seen(/^ping/);
    peer.text("again");
    await peer.seen("text done with again");
    peer.close(1000);
    await program.line(/^closed with 1000$/m);
    blocker.peer.close(1000);
    const other = await openPeer(port);
    other.client.handler = silent;
    await program.line(/^closed with 1006$/m);
  });
});

describe(`a host that answers no SYN, on ${runtime}`, () => {
  it("is given up in time, and by a signal", async () => {
    const { port } = await start("deaf-listener.mjs");
    // What its queue has room for.
    for (let i = 0; i < 2; i++) {
      const socket = connectTcp(port, "127.0.0.1");
      sockets.push(socket);
      socket.on("error", () => {});
      await new Promise((resolve) => socket.once("connect", resolve));
    }
    const url = `ws://127.0.0.1:${port}`;
    await expect(adapter.connect(url, { timeout: 200 })).rejects.toMatchObject({
      name: "TimeoutError",
      code: "DIAL_TIMEOUT",
    });
    await expect(adapter.connect(url, { signal: AbortSignal.timeout(200) })).rejects.toMatchObject({
      name: "TimeoutError",
    });
  });
});
