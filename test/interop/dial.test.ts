import { spawnSync } from "node:child_process";
import { describe, expect, it, onTestFinished } from "vitest";
import { dial } from "../../adapters/node.ts";
import { runtimeCommand } from "../../scripts/built.mjs";
import { ClosedError } from "../../src/errors.ts";
import { OpBinary, OpClose, OpPing, StateClientSide } from "../../src/frame/index.ts";
import { newCloseFrameBody } from "../../src/frame/close.ts";
import type { UpgradedStream } from "../../src/handshake/upgraded-stream.ts";
import {
  readMessage,
  readServerBinary,
  readServerText,
  writeClientBinary,
  writeClientMessage,
  writeClientText,
} from "../../src/stream/helpers.ts";
import { Writer } from "../../src/stream/writer.ts";
import { startServer } from "./servers.ts";

/** An echo with the library that Debian's python3-websockets installs. */
const pythonEcho = `
import asyncio, websockets
async def echo(ws, *path):
    async for message in ws:
        await ws.send(message)
async def main():
    async with websockets.serve(echo, "127.0.0.1", 0, max_size=None, compression=None) as server:
        print("listening on", server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()
asyncio.run(main())
`;

const python = "/usr/bin/python3";
const hasPython = spawnSync(python, ["-c", "import websockets"]).status === 0;
if (!hasPython) console.log("Python's websockets is not here: apt install python3-websockets");

/** Echo servers that nobody here wrote, and how each is started. */
const servers: [name: string, command: readonly string[]][] = [
  ["npm's ws", [process.execPath, "bench/servers/ws.mjs"]],
  ["Deno.upgradeWebSocket", [...runtimeCommand("deno"), "bench/servers/deno-serve.mjs"]],
  ["Bun.serve", [...runtimeCommand("bun"), "bench/servers/bun-serve.mjs"]],
];
// In CI an absent one fails.
if (hasPython || process.env["CI"])
  servers.push(["Python's websockets", [python, "-c", pythonEcho]]);
async function connect(command: readonly string[]): Promise<UpgradedStream> {
  const server = await startServer(command, /listening on (\d+)/);
  onTestFinished(async () => {
    await server.stop();
  });
  const stream = await dial(`ws://127.0.0.1:${server.port}/`);
  onTestFinished(() => stream.close());
  return stream;
}

describe.each(servers)("dial() to an echo of %s", (_, command) => {
  it("gets back what it sends, of every size, whole or in fragments", async () => {
    const stream = await connect(command);
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 1_000_000]) {
      const text = "é".repeat(size >> 1);
      await writeClientText(stream, text);
      expect((await readServerText(stream)) === text, `text of ${size} bytes`).toBe(true);
      const bytes = new Uint8Array(size).map((_, i) => i * 31);
      await writeClientBinary(stream, bytes);
      const same = Buffer.compare(await readServerBinary(stream), bytes) === 0;
      expect(same, `binary of ${size} bytes`).toBe(true);
    }
    const writer = new Writer(stream, StateClientSide, OpBinary, { size: 10 });
    const bytes = new Uint8Array(1000).map((_, i) => i);
    for (let at = 0; at < bytes.length; at += 7) await writer.write(bytes.subarray(at, at + 7));
    await writer.flush();
    expect(await readServerBinary(stream)).toEqual(bytes);
  });

  it("gets its ping and its close answered", async () => {
    const stream = await connect(command);
    await writeClientMessage(stream, OpPing, "are you there");
    const [pong] = await readMessage(stream, StateClientSide);
    expect([pong!.opcode, new TextDecoder().decode(pong!.payload)]).toEqual([0xa, "are you there"]);
    await writeClientMessage(stream, OpClose, newCloseFrameBody(4001, "bye"));
    const ended = await readServerText(stream).catch((error: unknown) => error);
    expect(ended).toBeInstanceOf(ClosedError);
    expect(ended).toMatchObject({ status: 4001, clean: true });
  });
});
