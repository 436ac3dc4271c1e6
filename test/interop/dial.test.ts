import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { dial } from "../../adapters/node/index.ts";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { runtimeCommand } from "../../scripts/built.mjs";
import { ClosedError } from "../../src/errors.ts";
import { type CompressionOptions, PermessageDeflate } from "../../src/flate/index.ts";
import { OpBinary, OpClose, OpPing, OpText, StateClientSide } from "../../src/frame/index.ts";
import { newCloseFrameBody } from "../../src/frame/close.ts";
import type { DialerOptions } from "../../src/handshake/client/dial-options.ts";
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
import { removeBuilds } from "./builds.ts";
import type { CloseAnswer } from "./cases.ts";
import { foreignServers } from "./foreign-servers.ts";
import { type ServerProgram, startServer } from "./servers.ts";

/** How a server is started, and how it closes. */
interface EchoServer {
  readonly command: () => Promise<readonly string[]>;
  /** The close frame that answers 4001 and "bye". */
  readonly answered?: CloseAnswer | undefined;
}

function own(...command: readonly string[]): EchoServer {
  return { command: () => Promise.resolve(command) };
}

/** In CI an absent one fails. */
const present = foreignServers.filter(
  (server) => server.missing() === undefined || process.env["CI"] !== undefined,
);

/** Echo servers that nobody here wrote. */
const servers: [name: string, server: EchoServer][] = [
  ["npm's ws", own(process.execPath, "bench/servers/ws.mjs")],
  ["Deno.upgradeWebSocket", own(...runtimeCommand("deno"), "bench/servers/deno-serve.mjs")],
  ["Bun.serve", own(...runtimeCommand("bun"), "bench/servers/bun-serve.mjs")],
  ...present.map(({ name, command, answered }): [string, EchoServer] => [
    name,
    { command: () => command(false), answered },
  ]),
];

afterAll(removeBuilds);

/** Starts a server for the tests of a group; gives what connects to it, until the test has ended. */
function dialerTo({ command }: EchoServer): (options?: DialerOptions) => Promise<UpgradedStream> {
  let server: ServerProgram;

  beforeAll(async () => {
    server = await startServer(await command(), /listening on (\d+)/);
  });

  afterAll(() => server.stop());

  return async (options = {}) => {
    const stream = await dial(`ws://127.0.0.1:${server.port}/`, options);
    onTestFinished(() => stream.close());
    return stream;
  };
}

describe.each(servers)("dial() to an echo of %s", (_, peer) => {
  const connect = dialerTo(peer);

  it("gets back what it sends, of every size, whole or in fragments", async () => {
    const stream = await connect();
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
    const stream = await connect();
    await writeClientMessage(stream, OpPing, "are you there");
    const [pong] = await readMessage(stream, StateClientSide);
    expect([pong!.opcode, new TextDecoder().decode(pong!.payload)]).toEqual([0xa, "are you there"]);
    await writeClientMessage(stream, OpClose, newCloseFrameBody(4001, "bye"));
    const ended = await readServerText(stream).catch((error: unknown) => error);
    expect(ended).toBeInstanceOf(ClosedError);
    const answer = peer.answered ?? { status: 4001, reason: "bye" };
    expect(ended).toMatchObject({ ...answer, clean: true });
  });
});

/** The same servers, where their library compresses. */
const compressing: [name: string, server: EchoServer][] = [
  ["npm's ws", own(process.execPath, "bench/servers/ws-deflate.mjs", "0")],
  ["Bun.serve", own(...runtimeCommand("bun"), "bench/servers/bun-deflate.mjs")],
  ...present
    .filter(({ compresses }) => compresses)
    .map(({ name, command }): [string, EchoServer] => [name, { command: () => command(true) }]),
];

/** What a client may ask for; a server need not do it. */
const wishes: [what: string, options: CompressionOptions][] = [
  ["its defaults", {}],
  ["small windows", { serverMaxWindowBits: 9, clientMaxWindowBits: 9 }],
  ["no window kept", { serverNoContextTakeover: true, clientNoContextTakeover: true }],
  ["the best level", { level: 9, memLevel: 9, serverMaxWindowBits: 15, clientMaxWindowBits: 15 }],
];

/** Wishes that a server answers against RFC 7692, so that the handshake fails, as it has to. */
const answeredWrongly: readonly { server: string; wishes: readonly string[]; bug: string }[] = [
  {
    server: "Tornado",
    wishes: ["no window kept"],
    bug: "It loses parameters without a value, and accepts the offer without server_no_context_takeover (7.1.1.1)",
  },
  {
    server: "libsoup",
    wishes: ["small windows", "the best level"],
    bug: "Of two offers of the extension, the second a fallback, it accepts both (5)",
  },
];

describe.each(compressing)("dial() to a compressed echo of %s", (name, peer) => {
  const connect = dialerTo(peer);
  const wrong = answeredWrongly.find(({ server }) => server === name);
  it.each(wishes.filter(([what]) => wrong?.wishes.includes(what)))(
    "with %s refuses an answer that breaks the standard",
    async (_what, options) => {
      const extension = new PermessageDeflate({ engine: zlibEngine(), ...options });
      await expect(connect({ extensions: [extension] })).rejects.toMatchObject({
        code: "BAD_EXTENSIONS",
      });
    },
  );
  it.each(wishes.filter(([what]) => wrong?.wishes.includes(what) !== true))(
    "with %s gets back what it sends, of every size",
    async (_what, options) => {
      const extension = new PermessageDeflate({ engine: zlibEngine(), threshold: 0, ...options });
      const stream = await connect({ extensions: [extension] });
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
    },
  );
});
