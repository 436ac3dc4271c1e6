import { afterAll, describe, expect, it } from "vitest";
import { concat, latin1 } from "../../src/bytes.ts";
import { tables } from "../hostile/cases/all.ts";
import { Peer } from "../hostile/play.ts";
import {
  binary,
  type Case,
  close,
  continuation,
  exampleAccept,
  frame,
  joined,
  named,
  open,
  ping,
  plain,
  pong,
  session,
  showMessage,
  type SidedPiece,
  text,
} from "../hostile/support.ts";
import { showFrames } from "../hostile/trace.ts";
import { type Program, startProgram } from "../support/program.ts";
import { RawClient } from "../support/raw-client.ts";
import { macrotask } from "../support/turns.ts";

/*
 * The example of the low level, as a program, against everything that is known of bad peers and of Autobahn's large ones.
 */

/** What came back, by a reading that knows RFC 6455 and nothing of the library. */
interface Replies {
  /** Whole messages. */
  readonly messages: string[];
  /** Control frames. */
  readonly controls: string[];
  /** Bytes of the message that is not complete. */
  left: number;
}

/** Reads frames, and throws where one breaks a rule. */
function readReplies(bytes: Uint8Array): Replies {
  const replies: Replies = { messages: [], controls: [], left: 0 };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let kind = 0;
  let parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const [first, second] = [bytes[at]!, bytes[at + 1]!];
    const [fin, opcode] = [first >> 7, first & 15];
    if ((first & 0x70) !== 0 || second > 127) throw new Error(`Bad header: ${first}, ${second}`);
    const size = second < 126 ? 2 : second === 126 ? 4 : 10;
    const length =
      size === 2 ? second : size === 4 ? view.getUint16(at + 2) : Number(view.getBigUint64(at + 2));
    if (length < (size === 2 ? 0 : size === 4 ? 126 : 65_536)) throw new Error("Not minimal");
    const payload = bytes.subarray(at + size, at + size + length);
    if (payload.length < length) throw new Error("A part of a frame");
    at += size + length;
    if (opcode >= 8) {
      if (length > 125) throw new Error(`A control frame of ${length} bytes`);
      replies.controls.push(...showFrames(bytes.subarray(at - size - length, at)));
      if (opcode === 8 && at < bytes.length) throw new Error("A frame behind a close");
      continue;
    }
    if ((opcode === 0) !== (kind !== 0)) throw new Error(`Opcode ${opcode} inside ${kind}`);
    if (opcode > 2) throw new Error(`Opcode ${opcode}`);
    kind ||= opcode;
    parts.push(payload);
    if (fin === 0) continue;
    replies.messages.push(showMessage(kind === 1 ? decoded(parts, true) : concat(parts)));
    [kind, parts] = [0, []];
  }
  if (kind === 1) decoded(parts, false);
  replies.left = concat(parts).length;
  return replies;
}

/** The text of fragments; an error where there is none. */
function decoded(parts: readonly Uint8Array[], isWhole: boolean): string {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return decoder.decode(concat(parts), { stream: !isWhole });
}

/** What lies behind the head of a response that opens the connection. */
function framesOf(output: Uint8Array): Uint8Array {
  const textual = latin1(output, 0, output.length);
  expect(textual).toContain(`Sec-WebSocket-Accept: ${exampleAccept}\r\n`);
  return output.slice(textual.indexOf("\r\n\r\n") + 4);
}

/** Programs by their arguments: one is enough for all cases that start it alike. */
const programs = new Map<string, Promise<{ program: Program; port: number }>>();

function portOf(runtime: string, ...args: readonly string[]): Promise<number> {
  const command = [process.execPath, "scripts/echo.mjs", runtime, "0", "--low-level", ...args];
  const key = command.join(" ");
  let starting = programs.get(key);
  if (starting === undefined) {
    const program = startProgram(command);
    starting = program
      .line(/listening on (\d+)/)
      .then(([, port]) => ({ program, port: Number(port) }));
    programs.set(key, starting);
  }
  return starting.then(({ port }) => port);
}

afterAll(async () => {
  for (const starting of programs.values()) await (await starting).program.stop();
});

/** Sends chunks to a server, and gives what came back when both have ended their streams. */
async function repliesOf(
  port: number,
  chunks: readonly Uint8Array[],
  end: "framewire" | "peer",
): Promise<Replies> {
  const peer = new Peer(await RawClient.connect(port), "server");
  peer.send(...chunks);
  if (end === "framewire") await peer.ended.promise;
  peer.end();
  await peer.closed.promise;
  return readReplies(framesOf(peer.output));
}

/** What the battery wants of a server that gives its messages to handlers, for one that echoes them. */
function expectedOf({ outcome }: Case): Pick<Replies, "messages" | "controls"> {
  const messages = outcome.events.filter((event) => /^(?:text|binary) /.test(event));
  return { messages, controls: [...outcome.replies] };
}

const subjects = [
  "headers of frames",
  "lengths of frames",
  "fragmented messages",
  "close frames",
  "UTF-8",
];
const maxMessageSize = 16 * 1024 ** 2;

/** The cases of frames, without those about options that the example does not have. */
const battery = tables
  .filter(([role, subject]) => role === "server" && subjects.includes(subject))
  .map(([, subject, cases]) => {
    const own = cases.filter(
      ({ setup, outcome }) =>
        setup === plain && !outcome.events.includes("error TOO_MANY_FRAGMENTS"),
    );
    return [subject, own] as const;
  });

const KiB = 1024;
const MiB = 1024 * KiB;

/** Bytes that are a text, too. */
function letters(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = 97 + (i % 23);
  return bytes;
}

/** A message in fragments of a size; as Autobahn does it, an empty one ends what they divide without a rest. */
function inFragments(opcode: number, data: Uint8Array, size: number): SidedPiece {
  const pieces: SidedPiece[] = [];
  for (let at = 0; at <= data.length; at += size) {
    const fin = at + size > data.length;
    pieces.push(frame(at === 0 ? opcode : 0, data.subarray(at, at + size), { fin }));
  }
  return joined(pieces);
}

/** A conversation that ends with a close, and what has to come back in front of its answer. */
interface Conversation extends Partial<Pick<Replies, "messages" | "controls">> {
  readonly pieces: readonly SidedPiece[];
  /** Bytes of a chunk. Default: as large as they come. */
  readonly chunk?: number;
}

function echoed(opcode: 1 | 2, data: Uint8Array, piece = frame(opcode, data)): Conversation {
  const message = showMessage(opcode === 1 ? decoded([data], true) : data);
  return { pieces: [piece], messages: [message] };
}

const kinds = [1, 2] as const;
const tenPings = Array.from({ length: 10 }, (_, i) => ping(`payload-${i}`));
const tenPongs = Array.from({ length: 10 }, (_, i) => `pong "payload-${i}"`);

/** Those of Autobahn that the battery does not have, by the numbers of its cases. */
const conversations: Readonly<Record<string, () => readonly Conversation[]>> = {
  "9.1 and 9.2: messages of 64 KiB to 16 MiB": () =>
    kinds.flatMap((kind) =>
      [64 * KiB, MiB, 4 * MiB, 16 * MiB].map((size) => echoed(kind, letters(size))),
    ),
  "9.3 and 9.4: 4 MiB in fragments of 64 bytes to 4 MiB": () =>
    kinds.flatMap((kind) =>
      [64, KiB, 16 * KiB, 256 * KiB, 4 * MiB].map((size) =>
        echoed(kind, letters(4 * MiB), inFragments(kind, letters(4 * MiB), size)),
      ),
    ),
  "9.5 and 9.6: 1 MiB in chunks of 64 to 2048 bytes": () =>
    kinds.flatMap((kind) =>
      [64, 256, 2048].map((chunk) => ({ ...echoed(kind, letters(MiB)), chunk })),
    ),
  "9.7 and 9.8: 1000 messages": () =>
    kinds.flatMap((kind) =>
      [0, 16, 64, 256, 1024, 4096].map((size) => {
        const { pieces, messages } = echoed(kind, letters(size));
        return {
          pieces: Array.from({ length: 1000 }, () => pieces[0]!),
          messages: Array.from({ length: 1000 }, () => messages![0]!),
        };
      }),
    ),
  "10.1.1: 64 KiB in fragments of 1300 bytes": () => [
    echoed(1, letters(64 * KiB), inFragments(1, letters(64 * KiB), 1300)),
  ],
  "2.10 and 2.11: ten pings": () => [
    { pieces: tenPings, controls: tenPongs },
    { pieces: tenPings, controls: tenPongs, chunk: 1 },
  ],
  "2.7 to 2.9: pongs that nobody asked for": () => [
    { pieces: [pong(), pong("unsolicited"), ping("ours")], controls: ['pong "ours"'] },
  ],
  "5.19 and 5.20: pings between fragments": () => [
    {
      pieces: [text("1", open), continuation("2", open), ping("a"), continuation("3")],
      messages: ['text "123"'],
      controls: ['pong "a"'],
    },
  ],
};

const runtimes = ["node", "deno", "bun"] as const;
/** Milliseconds for tests that move some hundred MiB, on a machine that is busy. */
const patience = 120_000;

/** One chunk, or several of a size. */
function chunksOf(bytes: Uint8Array, size = bytes.length): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size));
  return chunks;
}

/** A decent head with frames behind it. */
function opening(...pieces: readonly SidedPiece[]): Uint8Array {
  return session(...pieces).server!.input("");
}

/** A conversation as it lies on the wire, and all that has to come back. */
interface Made {
  readonly chunks: readonly Uint8Array[];
  readonly expected: Replies;
}

const made = new Map<string, readonly Made[]>();

/** Makes the conversations of a name once, for all runtimes. */
function madeConversations(name: string): readonly Made[] {
  let all = made.get(name);
  if (all === undefined) {
    all = conversations[name]!().map(({ pieces, chunk, messages = [], controls = [] }) => ({
      chunks: chunksOf(opening(...pieces, close(1000)), chunk),
      expected: { messages, controls: [...controls, "close 1000"], left: 0 },
    }));
    made.set(name, all);
  }
  return all;
}

describe.each(runtimes)("the echo server of the low level on %s", (runtime) => {
  describe.each(battery)("meets %s:", (_subject, cases) => {
    it.each(named(cases))("%s", async (_, one) => {
      const port = await portOf(runtime, "--max-message", String(maxMessageSize));
      const bytes = one.play.input("");
      const { messages, controls } = await repliesOf(port, [bytes], one.outcome.end);
      expect({ messages, controls }).toEqual(expectedOf(one));
    });

    it("all cases, octet by octet", async () => {
      const port = await portOf(runtime, "--max-message", String(maxMessageSize));
      for (const one of cases) {
        const bytes = one.play.input("");
        if (bytes.length > 1000) continue;
        const octets = Array.from(bytes, (byte) => Uint8Array.of(byte));
        const { messages, controls } = await repliesOf(port, octets, one.outcome.end);
        expect({ id: one.id, messages, controls }).toEqual({ id: one.id, ...expectedOf(one) });
      }
    });
  });

  it.each(Object.keys(conversations))(
    "does %s",
    async (name) => {
      const port = await portOf(runtime);
      for (const { chunks, expected } of madeConversations(name)) {
        expect(await repliesOf(port, chunks, "framewire")).toEqual(expected);
      }
    },
    patience,
  );

  it("sends what is owed before it fails the connection", async () => {
    const messages = Array.from({ length: 100 }, (_, i) => `text "${i}"`);
    const bytes = opening(...messages.map((_, i) => text(String(i))), continuation("a"));
    const replies = await repliesOf(await portOf(runtime), [bytes], "framewire");
    expect(replies).toEqual({ messages, controls: ["close 1002"], left: 0 });
  });

  it("puts no close frame inside another frame, and sends no invalid text", async () => {
    const bad = letters(300 * KiB);
    bad[200 * KiB] = 0xff;
    for (const chunk of [1000, 64 * KiB, undefined]) {
      const chunks = chunksOf(opening(text(bad)), chunk);
      const { controls, left } = await repliesOf(await portOf(runtime), chunks, "framewire");
      expect(controls).toEqual(["close 1007"]);
      expect(left).toBeLessThanOrEqual(200 * KiB);
    }
  });

  it("answers a ping that comes in the middle of a large message before the message is there", async () => {
    const peer = new Peer(await RawClient.connect(await portOf(runtime)), "server");
    peer.send(opening(binary(letters(200 * KiB), open), ping("now")));
    while (!latin1(peer.output, 0, peer.output.length).endsWith("now")) await macrotask();
    peer.send(continuation("end"), close());
    await peer.ended.promise;
    peer.end();
    await peer.closed.promise;
    const { messages, controls } = readReplies(framesOf(peer.output));
    expect(messages).toHaveLength(1);
    expect(controls).toEqual(['pong "now"', "close"]);
  });

  it("refuses a message above --max-message with 1009, whole or in fragments", async () => {
    const port = await portOf(runtime, "--max-message", "1000");
    const [most, more] = [letters(1000), letters(1001)];
    expect(await repliesOf(port, [opening(binary(most), binary(more))], "framewire")).toEqual({
      messages: [showMessage(most)],
      controls: ["close 1009"],
      left: 0,
    });
    const fragments = opening(inFragments(2, more, 500));
    expect(await repliesOf(port, [fragments], "framewire")).toEqual({
      messages: [],
      controls: ["close 1009"],
      left: 1000,
    });
  });
});
