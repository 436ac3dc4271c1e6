import { spawnSync } from "node:child_process";
import { describe, expect, it, onTestFinished } from "vitest";
import { dial } from "../../adapters/node.ts";
import { zlibEngine } from "../../adapters/zlib.ts";
import { runtimeCommand } from "../../scripts/built.mjs";
import { ClosedError } from "../../src/errors.ts";
import { type CompressionOptions, PermessageDeflate } from "../../src/flate/index.ts";
import { OpBinary, OpClose, OpPing, OpText, StateClientSide } from "../../src/frame/index.ts";
import { newCloseFrameBody } from "../../src/frame/close.ts";
import type { DialerOptions } from "../../src/handshake/dialer.ts";
import type { UpgradedStream } from "../../src/handshake/upgraded-stream.ts";
import { readAll } from "../../src/io/full.ts";
import {
  readMessage,
  readServerBinary,
  readServerText,
  writeClientBinary,
  writeClientMessage,
  writeClientText,
} from "../../src/stream/helpers.ts";
import { Reader } from "../../src/stream/reader.ts";
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

const compressedPythonEcho = pythonEcho.replace(", compression=None", "");

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

async function connect(
  command: readonly string[],
  options: DialerOptions = {},
): Promise<UpgradedStream> {
  const server = await startServer(command, /listening on (\d+)/);
  onTestFinished(async () => {
    await server.stop();
  });
  const stream = await dial(`ws://127.0.0.1:${server.port}/`, options);
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

/** The same servers, where their library compresses. */
const compressing: [name: string, command: readonly string[]][] = [
  ["npm's ws", [process.execPath, "bench/servers/ws-deflate.mjs", "0"]],
  ["Bun.serve", [...runtimeCommand("bun"), "bench/servers/bun-deflate.mjs"]],
];
if (hasPython || process.env["CI"])
  compressing.push(["Python's websockets", [python, "-c", compressedPythonEcho]]);

/** What a client may ask for; a server need not do it. */
const wishes: [what: string, options: CompressionOptions][] = [
  ["its defaults", {}],
  ["small windows", { serverMaxWindowBits: 9, clientMaxWindowBits: 9 }],
  ["no window kept", { serverNoContextTakeover: true, clientNoContextTakeover: true }],
  ["the best level", { level: 9, memLevel: 9, serverMaxWindowBits: 15, clientMaxWindowBits: 15 }],
];

describe.each(compressing)("dial() to a compressed echo of %s", (_, command) => {
  it.each(wishes)("with %s gets back what it sends, of every size", async (_what, options) => {
    const extension = new PermessageDeflate({ engine: zlibEngine(), threshold: 0, ...options });
    const stream = await connect(command, { extensions: [extension] });
    expect(stream.extensions.map(({ name }) => name)).toEqual(["permessage-deflate"]);
    const reader = new Reader(stream, stream.state, {
      checkUtf8: true,
      extensions: stream.recvExtensions,
    });
    const marks: number[] = [];
    for (const size of [1, 50, 1000, 65_536, 1_000_000]) {
      const text = new TextEncoder().encode("a quick brown fox, ".repeat(size).slice(0, size));
      const writer = new Writer(stream, stream.state, OpText, {
        extensions: stream.sendExtensions,
      });
      for (let round = 0; round < 2; round++) {
        // In two fragments and more where it is long.
        await writer.write(text.subarray(0, size >> 1));
        await writer.write(text.subarray(size >> 1));
        await writer.flush();
        const { length } = (await reader.nextFrame())!;
        marks.push(length);
        const back = await readAll(reader);
        expect(Buffer.compare(back, text), `${size} bytes`).toBe(0);
      }
    }
    // What came was compressed, and not only agreed upon.
    expect(marks.at(-1)).toBeLessThan(100_000);
  });
});
