import { afterEach, describe, expect, it } from "vitest";
import type { Connection } from "../../src/connection/connection.ts";
import { OnSockets } from "../hostile/on-sockets.ts";
import { expectNoRejections, type Peer } from "../hostile/play.ts";
import {
  binary,
  close,
  frame,
  joined,
  otherThan,
  ping,
  pong,
  roles,
  type Setup,
  showMessage,
  type SidedPiece,
  text,
} from "../hostile/support.ts";
import { traceOf } from "../hostile/trace.ts";
import { runtime } from "../support/runtime.ts";
import { macrotask } from "../support/turns.ts";

/*
 * What the conversations of Autobahn ask that the table of hostile input does not: large messages in every size of
 * fragments and chunks, many messages one after the other, order. By its cases' numbers; for both roles, over sockets.
 */

const sockets = new OnSockets();

afterEach(async () => {
  await sockets.stop();
  await expectNoRejections();
});

const KiB = 1024;
const MiB = 1024 * KiB;

/** Milliseconds for tests that move some hundred MiB, on a machine that is busy. */
const patience = 120_000;

/** An echo, as Autobahn wants one; cases 9.3.1 and 9.4.1 have 65 537 frames. */
const echo: Setup = {
  options: { maxFragments: 65_537 },
  handlers: () => ({ message: (ws: Connection, data) => ws.send(data) }),
};

/** A message in fragments of a size; as Autobahn does it, an empty one ends what they divide without a rest. */
function inFragments(opcode: number, data: Uint8Array, size: number): SidedPiece {
  const pieces: SidedPiece[] = [];
  for (let at = 0; at <= data.length; at += size) {
    const fin = at + size > data.length;
    pieces.push(frame(at === 0 ? opcode : 0, data.subarray(at, at + size), { fin }));
  }
  return joined(pieces);
}

/** Bytes that are a text, too. */
function letters(length: number): Uint8Array {
  const made = new Uint8Array(length);
  for (let i = 0; i < length; i++) made[i] = 97 + (i % 23);
  return made;
}

/** Waits until so many bytes have come, of which a check is made only then. */
async function arrived(peer: Peer, size: number): Promise<void> {
  while (peer.received < size) await macrotask();
}

const kinds = [
  ["text", 1],
  ["binary", 2],
] as const;

describe.each(roles)(`a %s on ${runtime} echoes`, (role) => {
  /** Sends pieces, closes when the echo is there, and gives what came. */
  async function repliesTo(pieces: readonly (Uint8Array | SidedPiece)[], size: number) {
    const { peer, recorder } = await sockets.open(role, echo);
    const before = peer.received;
    for (const piece of pieces) peer.send(piece);
    // At the least: a client's frames have a masking key each.
    await arrived(peer, before + size);
    peer.send(close(1000));
    await peer.ended.promise;
    peer.end();
    await recorder.over.promise;
    const { events } = recorder;
    expect(events.at(-1)).toBe("close 1000 clean peer");
    const { replies } = traceOf(role, { output: peer.output, events, end: "peer" });
    expect(replies.at(-1)).toBe("close 1000");
    return replies.slice(0, -1);
  }

  const shown = (opcode: number, data: Uint8Array): string =>
    showMessage(opcode === 1 ? new TextDecoder().decode(data) : data);

  it.each(kinds)(
    "9.1 and 9.2: %s messages of 64 KiB to 16 MiB",
    async (_, opcode) => {
      for (const size of [64 * KiB, MiB, 4 * MiB, 16 * MiB]) {
        const data = letters(size);
        expect(await repliesTo([frame(opcode, data)], size)).toEqual([shown(opcode, data)]);
      }
    },
    patience,
  );

  it.each(kinds)(
    "9.3 and 9.4: %s messages of 4 MiB in fragments of 64 bytes to 4 MiB",
    async (_, opcode) => {
      const data = letters(4 * MiB);
      for (const size of [64, KiB, 16 * KiB, 256 * KiB, 4 * MiB]) {
        const replies = await repliesTo([inFragments(opcode, data, size)], data.length);
        expect(replies).toEqual([shown(opcode, data)]);
      }
    },
  );

  it.each([64 * KiB, MiB])(
    "16 MiB of binary in fragments of %d bytes",
    async (size) => {
      const data = letters(16 * MiB);
      expect(await repliesTo([inFragments(2, data, size)], data.length)).toEqual([shown(2, data)]);
    },
    patience,
  );

  it.each(kinds)(
    "9.5 and 9.6: %s messages of 1 MiB in chunks of 64 to 2048 bytes",
    async (_, opcode) => {
      const data = letters(MiB);
      const wire = frame(opcode, data).from(otherThan(role));
      for (const size of [64, 128, 256, 512, 1024, 2048]) {
        const chunks: Uint8Array[] = [];
        for (let at = 0; at < wire.length; at += size) chunks.push(wire.slice(at, at + size));
        expect(await repliesTo(chunks, data.length)).toEqual([shown(opcode, data)]);
      }
    },
  );

  it.each(kinds)(
    "9.7 and 9.8: 1000 %s messages, one after the other",
    async (_, opcode) => {
      for (const size of [0, 16, 125, 126, 1024, 16 * KiB]) {
        const data = letters(size);
        const one = frame(opcode, data);
        const replies = await repliesTo(
          Array.from({ length: 1000 }, () => one),
          1000 * (size + 2),
        );
        expect(replies).toHaveLength(1000);
        expect(new Set(replies)).toEqual(new Set([shown(opcode, data)]));
      }
    },
    patience,
  );

  it(
    "2.10 and 2.11: ten pings, whole and octet by octet, answered in order",
    async () => {
      const pings = Array.from({ length: 10 }, (_, i) => ping(`payload-${i}`));
      const expected = Array.from({ length: 10 }, (_, i) => `pong "payload-${i}"`);
      expect(await repliesTo([joined(pings)], 10 * 11)).toEqual(expected);
      const octets = Array.from(joined(pings).from(otherThan(role)), (byte) => Uint8Array.of(byte));
      expect(await repliesTo(octets, 10 * 11)).toEqual(expected);
    },
    patience,
  );

  it(
    "2.7 to 2.9: pongs that nobody asked for, and a ping behind them",
    async () => {
      expect(await repliesTo([pong(), pong("unsolicited"), ping("our payload")], 13)).toEqual([
        'pong "our payload"',
      ]);
    },
    patience,
  );

  it("10.1.1: 64 KiB of text in fragments of 1300 bytes", async () => {
    const data = letters(64 * KiB);
    expect(await repliesTo([inFragments(1, data, 1300)], data.length)).toEqual([shown(1, data)]);
  });

  it("5.19 and 5.20: pings between fragments that come slowly, answered before the message", async () => {
    const { peer, recorder } = await sockets.open(role, echo);
    const start = peer.received;
    for (const [i, piece] of [
      text("fragment1", { fin: false }),
      frame(0, "fragment2", { fin: false }),
      ping("pongme 1!"),
    ].entries()) {
      peer.send(piece);
      if (i === 2) await arrived(peer, start + 11);
      await macrotask();
    }
    expect(recorder.events).toEqual(["open"]);
    peer.send(frame(0, "fragment3", { fin: false }), ping("pongme 2!"), frame(0, "fragment4"));
    peer.send(close(1000));
    await peer.ended.promise;
    peer.end();
    await recorder.over.promise;
    const { events } = recorder;
    const { replies } = traceOf(role, { output: peer.output, events, end: "peer" });
    expect(replies).toEqual([
      'pong "pongme 1!"',
      'pong "pongme 2!"',
      'text "fragment1fragment2fragment3fragment4"',
      "close 1000",
    ]);
  });

  it("7.1.5 and 7.1.6: a message and a close, with frames behind the close", async () => {
    const data = letters(256 * KiB);
    const { peer, recorder } = await sockets.open(role, echo);
    peer.send(text(data), close(1000), ping("late"), binary("late"));
    await peer.ended.promise;
    peer.end();
    await recorder.over.promise;
    const { events } = recorder;
    expect(events).toEqual(["open", shown(1, data), "close 1000 clean peer"]);
    const { replies } = traceOf(role, { output: peer.output, events, end: "peer" });
    expect(replies).toEqual([shown(1, data), "close 1000"]);
  });
});
