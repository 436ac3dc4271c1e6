import { afterEach, describe, expect, it } from "vitest";
import { concat, latin1 } from "../../src/bytes.ts";
import type { Transport, TransportHandler } from "../../src/transport.ts";
import { macrotask } from "../support/turns.ts";
import {
  acceptFor,
  attach,
  connect,
  connectOpen,
  expectNoRejections,
  newStage,
  type Recorder,
  type Stage,
} from "./play.ts";
import {
  binary,
  bytesFrom,
  continuation,
  header,
  latin1Bytes,
  open,
  otherThan,
  part,
  type Role,
  roles,
  session,
  type SidedPiece,
  text,
} from "./support.ts";

/** Rows of the battery that bound memory and work. */

afterEach(expectNoRejections);

interface Allocations {
  /** Bytes of all arrays together. */
  total: number;
  /** Bytes of the largest one. */
  largest: number;
}

/** Counts what is allocated by `new Uint8Array(size)` while `act` runs; copies by `slice` are not counted. */
async function allocationsOf(act: () => Promise<void>): Promise<Allocations> {
  const counted: Allocations = { total: 0, largest: 0 };
  const original = globalThis.Uint8Array;
  globalThis.Uint8Array = new Proxy(original, {
    construct(target, args: unknown[]) {
      const size = args[0];
      if (typeof size === "number") {
        counted.total += size;
        counted.largest = Math.max(counted.largest, size);
      }
      return Reflect.construct(target, args) as object;
    },
  });
  try {
    await act();
  } finally {
    globalThis.Uint8Array = original;
  }
  return counted;
}

const KiB = 1024;
const MiB = 1024 * KiB;

function bytesOf(input: Uint8Array): Uint8Array[] {
  return Array.from(input, (byte) => Uint8Array.of(byte));
}

describe.each(roles)("allocationsOf() of a %s", (role) => {
  it("counts what the library allocates", async () => {
    const { peer, recorder } = await connectOpen(role);
    const halves = [header(2, MiB), new Uint8Array(MiB / 2), new Uint8Array(MiB / 2)];
    const { largest } = await allocationsOf(async () => {
      peer.send(...halves);
      await macrotask();
    });
    expect(recorder.events).toHaveLength(2);
    expect(largest).toBe(MiB);
  });
});

describe.each(roles)("a %s: memory of one connection", (role) => {
  it("B-30 a header without an end → not more than the limit and its doubling", async () => {
    const { peer, recorder } = connect(role);
    await macrotask();
    const chunk = latin1Bytes("a".repeat(4 * KiB));
    const firstLine = { server: "GET / HTTP/1.1", client: "HTTP/1.1 101 X" }[role];
    const { largest } = await allocationsOf(async () => {
      peer.send(latin1Bytes(`${firstLine}\r\nX-Text: `));
      for (let sent = 0; sent < 1000; sent++) peer.send(chunk);
      await macrotask();
    });
    const refusal = { server: "REJECTED", client: "MALFORMED_RESPONSE" }[role];
    expect(recorder.events).toEqual([`refused ${refusal} HEAD_TOO_LARGE`]);
    expect(peer.isOver).toBe(true);
    // A client keeps what comes unasked up to 64 KiB, and another 64 before it is paused.
    expect(largest).toBeLessThanOrEqual({ server: 32 * KiB, client: 128 * KiB }[role]);
  });

  it.each([100, 10_000, MiB])("F-114 16 MiB declared, %d bytes come → twice that", async (size) => {
    const { peer, recorder } = await connectOpen(role);
    const payload = new Uint8Array(size);
    const { largest } = await allocationsOf(async () => {
      peer.send(header(2, 16 * MiB));
      for (let at = 0; at < size; at += 1000) peer.send(payload.subarray(at, at + 1000));
      await macrotask();
    });
    expect(recorder.events).toEqual(["open"]);
    expect(largest).toBeLessThanOrEqual(2 * size + 64 * KiB);
  });

  it("G-122 16000 fragments of one byte → twice the payload", async () => {
    const { peer, recorder } = await connectOpen(role);
    const count = 16_000;
    const side = otherThan(role);
    const first = binary("a", open).from(side);
    const rest = continuation("a", open).from(side);
    const { total, largest } = await allocationsOf(async () => {
      peer.send(first);
      for (let i = 1; i < count; i++) peer.send(rest);
      await macrotask();
    });
    expect(recorder.events).toEqual(["open"]);
    expect(largest).toBeLessThanOrEqual(2 * count + 4 * KiB);
    // The transport of memory copies what it carries: that is the network's, not the connection's.
    const carried = first.length + (count - 1) * rest.length;
    expect(total - carried).toBeLessThanOrEqual(4 * count + 4 * KiB);
  });

  it("G-123 16000 empty fragments → nothing", async () => {
    const { peer, recorder } = await connectOpen(role);
    const rest = continuation("", open);
    const parts = [binary("", open), ...Array.from({ length: 15_999 }, () => rest)];
    const input = bytesFrom(otherThan(role), ...parts);
    const { total } = await allocationsOf(async () => {
      peer.send(input);
      await macrotask();
    });
    expect(recorder.events).toEqual(["open"]);
    expect(total).toBeLessThanOrEqual(4 * KiB);
  });

  it("G-125 a frame of 256 KiB byte by byte → twice the payload", async () => {
    const { transport, recorder } = await openDirect(newStage(role));
    const size = 256 * KiB;
    const chunks = bytesOf(binary(new Uint8Array(size)).from(otherThan(role)));
    const { total, largest } = await allocationsOf(async () => {
      for (const chunk of chunks) transport.handler.onData(chunk);
    });
    expect(recorder.events).toHaveLength(2);
    expect(largest).toBeLessThanOrEqual(size);
    expect(total).toBeLessThanOrEqual(4 * size + 4 * KiB);
    transport.handler.onClose();
  });
});

describe.each(roles)("a %s: memory of many connections", (role) => {
  it("F-115 a message of 16 MiB declared and one byte of it, 2000 times → 4 KiB each", async () => {
    const stage = newStage(role);
    const count = 2000;
    const opened = await Promise.all(Array.from({ length: count }, () => openDirect(stage)));
    const { events } = stage.recorder;
    expect(events.filter((event) => event === "open")).toHaveLength(count);
    const input = bytesFrom(otherThan(role), header(2, 16 * MiB), Uint8Array.of(1));
    const chunks = opened.map(() => input.slice());
    const { total } = await allocationsOf(async () => {
      opened.forEach(({ transport }, i) => {
        transport.handler.onData(chunks[i]!);
      });
      await macrotask();
    });
    expect(total / count).toBeLessThanOrEqual(4 * KiB);
    for (const { transport } of opened) transport.handler.onClose();
    expect(events.filter((event) => event.startsWith("close 1006"))).toHaveLength(count);
  });
});

/** A transport that takes all at once, whose events the test itself calls. */
class Direct implements Transport {
  handler!: TransportHandler;
  readonly remoteAddress = undefined;
  readonly remotePort = undefined;

  /** All that was written. */
  text = "";

  write(bytes: Uint8Array): boolean {
    this.text += latin1(bytes, 0, bytes.length);
    return true;
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

interface DirectConnection {
  readonly transport: Direct;
  readonly recorder: Recorder;
}

/** Opens a connection whose transport the test plays itself. */
async function openDirect(stage: Stage): Promise<DirectConnection> {
  const transport = new Direct();
  attach(stage, transport);
  // A client asks first, some turns later.
  while (stage.role === "client" && !transport.text.endsWith("\r\n\r\n")) await undefined;
  const [, key] = /^Sec-WebSocket-Key: (.*)\r$/m.exec(transport.text) ?? [];
  transport.handler.onData(session()[stage.role]!.input(acceptFor(key ?? "")));
  if (stage.role === "client") await macrotask();
  return { transport, recorder: stage.recorder };
}

const { gc, Bun } = globalThis as unknown as {
  gc?: () => void;
  Bun?: { gc(force: boolean): void };
};
const collect = gc ?? (Bun === undefined ? undefined : () => Bun?.gc(true));

describe.each(roles)("a %s: an idle connection", (role) => {
  const endings = {
    "a whole message": text("Hello"),
    "a part of a header": part(header(1, 70_000), 9),
    "a part of a payload": part(text("Hello"), -3),
    "a first fragment": text("Hello", open),
    "a part of a ping": header(9, 5),
  };

  it.skipIf(collect === undefined).each(Object.entries(endings))(
    "G-130 a read of 64 KiB that ends with %s → none of it is kept",
    async (_, ending) => {
      const messages: Uint8Array[] = [];
      const stage = newStage(role, {
        handlers: () => ({ message: (_, data) => messages.push(data as Uint8Array) }),
      });
      const transports: Direct[] = [];
      const reads: WeakRef<ArrayBufferLike>[] = [];
      for (let i = 0; i < 20; i++) {
        const { transport } = await openDirect(stage);
        transports.push(transport);
        reads.push(readOf64KiB(transport, ending, otherThan(role)));
      }
      // A reference that was read in this turn is kept until its end.
      for (let i = 0; i < 5; i++) {
        await macrotask();
        collect!();
      }
      // What a stack or a register still holds may keep one or the other alive.
      expect(reads.filter((read) => read.deref() !== undefined).length).toBeLessThan(5);
      expect(messages.length).toBeGreaterThanOrEqual(20);
      for (const data of messages) {
        if (typeof data !== "string") expect(data.buffer.byteLength).toBe(data.length);
      }
      for (const transport of transports) transport.handler.onClose();
    },
  );
});

/** Hands in a chunk with a message in front and `ending` at its end; gives what tells whether it is still alive. */
function readOf64KiB(transport: Direct, ending: SidedPiece, side: Role): WeakRef<ArrayBufferLike> {
  const chunk = new Uint8Array(64 * KiB);
  const end = ending.from(side);
  const headerSize = side === "client" ? 8 : 4;
  const message = binary("a".repeat(chunk.length - end.length - headerSize)).from(side);
  chunk.set(concat([message, end]));
  transport.handler.onData(chunk);
  return new WeakRef(chunk.buffer);
}
