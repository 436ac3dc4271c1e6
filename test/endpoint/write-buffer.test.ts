import { describe, expect, it } from "vitest";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import { largestWrite } from "../../src/endpoint/gathered-bytes.ts";
import { largestGathered } from "../../src/endpoint/pool.ts";
import { WriteBuffer } from "../../src/endpoint/write-buffer.ts";
import { Traffic } from "../../src/endpoint/traffic.ts";
import { FrameDecoder } from "../../src/frame/decoder.ts";
import { OpBinary, OpPing } from "../../src/frame/opcode.ts";
import { seededRandom } from "../support/cuts.ts";
import { binary, close, counted, frame, hex, ping, pong, text, toHex } from "../support/frames.ts";
import { expectRangeNeeded, expectRangesChecked } from "../support/ranges.ts";
import { drain, frameLines } from "../support/sent.ts";
import { FrameTrace } from "../support/trace.ts";

function add(output: WriteBuffer, opcode: number, payload: Uint8Array): void {
  output.addFrame(opcode, payload, 0, payload.length);
}

function addPong(output: WriteBuffer, payload: string): void {
  const bytes = encodeUtf8(payload);
  output.addPong(bytes, 0, bytes.length);
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** The frames in bytes as a trace. */
function traceOf(bytes: Uint8Array): string[] {
  const trace = new FrameTrace();
  new FrameDecoder(trace).feed(bytes);
  return trace.lines;
}

/** The payloads of the pings in bytes, in their order. */
function pingsOf(bytes: Uint8Array): string[] {
  const pings: string[] = [];
  let isPing = false;
  const decoder = new FrameDecoder({
    frameHeader({ opcode }) {
      isPing = opcode === OpPing;
    },
    framePayload(payload, start, end) {
      if (isPing) pings.push(Buffer.from(payload.subarray(start, end)).toString());
    },
    frameEnd() {},
  });
  decoder.feed(bytes);
  return pings;
}

describe("WriteBuffer", () => {
  it("has nothing to take at first", () => {
    const output = new WriteBuffer(false);
    expect(output.take()).toBeUndefined();
    expect(output.unsent).toBe(0);
  });

  it("gathers frames in one write, in their order", () => {
    const output = new WriteBuffer(false);
    output.addRaw(encodeUtf8("HTTP/1.1 101\r\n\r\n"));
    output.addText("Hello");
    add(output, 2, counted(300));
    addPong(output, "p");
    output.addFrame(9, encodeUtf8("xyz"), 1, 2);
    const expected = [
      encodeUtf8("HTTP/1.1 101\r\n\r\n"),
      text("Hello"),
      binary(counted(300)),
      pong("p"),
      ping("y"),
    ];
    expect(drain(output)).toEqual([concat(expected)]);
  });

  it("copies payloads", () => {
    const output = new WriteBuffer(false);
    const payload = counted(100);
    add(output, 2, payload);
    payload.fill(0);
    expect(drain(output)).toEqual([binary(counted(100))]);
  });

  it.each([0, 1, 125, 126, 127, 1000, 65_535, 65_536, 200_000])(
    "frames a binary payload of %i bytes",
    (length) => {
      const output = new WriteBuffer(false);
      add(output, 2, counted(length));
      const whole = binary(counted(length));
      const writes = drain(output);
      expect(writes.length).toBe(Math.ceil(whole.length / largestWrite));
      expect(isSame(concat(writes), whole)).toBe(true);
    },
  );

  it("grows a buffer before it begins another", () => {
    const output = new WriteBuffer(false);
    const sizes = [500, 500, 3000, 12_000, 40_000];
    for (const size of sizes) add(output, 2, counted(size));
    const writes = drain(output);
    expect(writes.length).toBe(1);
    expect(isSame(writes[0]!, concat(sizes.map((size) => binary(counted(size)))))).toBe(true);
  });

  it("begins another write if more than 64 KiB would be gathered, and after a frame of more than one write", () => {
    const output = new WriteBuffer(false);
    const sizes = [40_000, 40_000, 10, largestWrite + 100, 10];
    for (const size of sizes) add(output, 2, counted(size));
    const writes = drain(output);
    const parts = [largestWrite, 110, 12];
    expect(writes.map((bytes) => bytes.length)).toEqual([40_004, 40_016, ...parts]);
    expect(isSame(concat(writes), concat(sizes.map((size) => binary(counted(size)))))).toBe(true);
  });

  it("gathers up to the last byte of a buffer", () => {
    const output = new WriteBuffer(false);
    output.addRaw(counted(65_000));
    output.addRaw(counted(largestGathered - 65_000));
    output.addRaw(counted(1));
    expect(drain(output).map((bytes) => bytes.length)).toEqual([largestGathered, 1]);
  });

  it("loses no frame, whatever comes between which writes", () => {
    const random = seededRandom(7);
    const output = new WriteBuffer(false);
    const expected: Uint8Array[] = [];
    const sent: Uint8Array[] = [];
    let lent: Uint8Array | undefined;
    let lentCopy: Uint8Array | undefined;
    for (let turn = 0; turn < 1500; turn++) {
      const size = Math.floor(random() ** 4 * 90_000);
      const letters = "a\u00FC\u20AC"[turn % 3]!.repeat(Math.ceil(size / 4));
      if (turn % 2 === 0) {
        output.addText(letters);
        expected.push(text(letters));
      } else {
        add(output, 2, counted(size));
        expected.push(binary(counted(size)));
      }
      if (lent !== undefined && random() < 0.5) {
        if (!isSame(lent, lentCopy!)) expect.fail("what was lent out has changed");
        sent.push(lentCopy!);
        output.giveBack();
        lent = undefined;
      }
      if (lent === undefined && random() < 0.4) {
        lent = output.take();
        lentCopy = lent?.slice();
      }
    }
    if (lent !== undefined) {
      sent.push(lentCopy!);
      output.giveBack();
    }
    sent.push(...drain(output));
    expect(isSame(concat(sent), concat(expected))).toBe(true);
    expect(output.unsent).toBe(0);
  });
});

describe("WriteBuffer.addText()", () => {
  const around = (length: number): number[] => [length - 1, length, length + 1];
  const lengths = [0, 1, 2, 23, 24, 25, 41, 42, 43, 62, 63, 124, 125, 126, 127].concat(
    [8192, 21_845, 65_535].flatMap(around),
  );
  const unit = ["a", "\u00FC", "\u20AC", "\u{1F600}", "\uD800", "\uDC00"];

  it.each(unit)("frames texts of every length around a border: %j", (character) => {
    const wrong: number[] = [];
    for (const length of lengths) {
      const output = new WriteBuffer(false);
      const letters = character.repeat(length);
      output.addText(letters);
      if (!isSame(concat(drain(output)), text(letters))) wrong.push(length);
    }
    expect(wrong).toEqual([]);
  });

  it("frames texts of 0 to 300 units with one character that is not ASCII, at either end", () => {
    const wrong: string[] = [];
    for (let length = 0; length <= 300; length++) {
      for (const character of unit) {
        for (const letters of [
          `${"a".repeat(length)}${character}`,
          `${character}${"a".repeat(length)}`,
        ]) {
          const output = new WriteBuffer(false);
          output.addText(letters);
          if (!isSame(concat(drain(output)), text(letters))) wrong.push(letters);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it("turns a surrogate without its partner into U+FFFD", () => {
    const output = new WriteBuffer(false);
    output.addText("a\uD800b\uDC00\uD83D\uDE00\uD83D");
    const expected = hex("61 ef bf bd 62 ef bf bd f0 9f 98 80 ef bf bd");
    expect(drain(output)).toEqual([text(expected)]);
  });

  it("leaves what was gathered before as it is when the header grows", () => {
    const output = new WriteBuffer(false);
    output.addText("before");
    output.addText("\u20AC".repeat(100));
    output.addText("after");
    const expected = concat([text("before"), text("\u20AC".repeat(100)), text("after")]);
    expect(drain(output)).toEqual([expected]);
  });
});

describe("WriteBuffer of a client", () => {
  it.each([0, 5, 125, 126, 300, 65_536])("masks frames of %i bytes", (length) => {
    const output = new WriteBuffer(true);
    add(output, 2, counted(length));
    output.addText("\u00FC".repeat(length));
    const lines = traceOf(concat(drain(output)));
    const bodies = [toHex(counted(length)), "c3bc".repeat(length)].filter((body) => body !== "");
    expect(lines.filter((line) => /^[0-9a-f]+$/.test(line))).toEqual(bodies);
    const headers = lines.filter((line) => line.includes("length"));
    expect(headers.map((line) => line.replace(/mask [0-9a-f]{8} /, "masked "))).toEqual([
      `binary fin rsv 0 masked length ${length}`,
      `text fin rsv 0 masked length ${2 * length}`,
    ]);
  });

  it("draws a fresh key for each frame", () => {
    const output = new WriteBuffer(true);
    for (let count = 0; count < 20; count++) {
      output.addText("Hello");
      add(output, 2, counted(5));
      addPong(output, "p");
    }
    const masks = traceOf(concat(drain(output))).flatMap((line) => /mask \w+/.exec(line) ?? []);
    expect(masks.length).toBe(60);
    expect(new Set(masks).size).toBe(60);
  });

  it("sends raw bytes as they are", () => {
    const output = new WriteBuffer(true);
    output.addRaw(counted(100));
    expect(drain(output)).toEqual([counted(100)]);
  });
});

describe("WriteBuffer.unsent", () => {
  it("counts what waits and what is lent, headers included", () => {
    const output = new WriteBuffer(false);
    output.addText("Hello");
    expect(output.unsent).toBe(7);
    output.take();
    expect(output.unsent).toBe(7);
    add(output, 2, counted(200));
    expect(output.unsent).toBe(7 + 204);
    output.giveBack();
    expect(output.unsent).toBe(204);
    drain(output);
    expect(output.unsent).toBe(0);
  });
});

describe("WriteBuffer.take()", () => {
  it("gives bytes that stay as they are until they are given back", () => {
    const output = new WriteBuffer(false);
    output.addText("Hello");
    const lent = output.take()!;
    output.addText("other");
    add(output, 2, counted(2000));
    expect(lent).toEqual(text("Hello"));
    output.giveBack();
    expect(drain(output)).toEqual([concat([text("other"), binary(counted(2000))])]);
  });
});

describe("a frame that is larger than one write", () => {
  it.each([false, true])(
    "leaves in several writes, each of which is given back by itself; masked: %s",
    (isMasked) => {
      const output = new WriteBuffer(isMasked);
      const payload = counted(3 * largestWrite);
      add(output, 2, payload);
      const whole = output.unsent;
      expect([output.gathered, output.lent]).toEqual([whole, 0]);
      const sizes: number[] = [];
      const writes: Uint8Array[] = [];
      for (let bytes = output.take(); bytes !== undefined; bytes = output.take()) {
        expect([output.lent, output.unsent]).toEqual([bytes.length, whole - concat(writes).length]);
        // Asked again, it is the same write.
        expect(output.take()!.byteOffset).toBe(bytes.byteOffset);
        sizes.push(bytes.length);
        writes.push(bytes.slice());
        output.giveBack();
        expect(output.lent).toBe(0);
      }
      expect(sizes).toEqual([largestWrite, largestWrite, largestWrite, whole - 3 * largestWrite]);
      expect(frameLines(concat(writes))).toEqual([`binary fin 0 ${toHex(payload)}`]);
    },
  );

  it("leaves so even if many share it, and is not changed", () => {
    const shared = binary(counted(2 * largestWrite));
    const output = new WriteBuffer(false);
    output.addShared(shared, 0x2, 2 * largestWrite);
    const writes = drain(output);
    expect(writes.length).toBe(3);
    expect(isSame(concat(writes), shared)).toBe(true);
    expect(isSame(shared, binary(counted(2 * largestWrite)))).toBe(true);
  });
});

describe("pings and pongs", () => {
  /** The names of the frames that leave, behind so many bytes that are none. */
  function names(writes: readonly Uint8Array[], from = 0): string[] {
    return frameLines(concat(writes).subarray(from)).map((line) => line.split(" ", 1)[0]!);
  }

  function addPing(output: WriteBuffer, name = "ping"): void {
    output.addPing(encodeUtf8(name));
  }

  it("keep their place if all that is gathered leaves with the next write", () => {
    const output = new WriteBuffer(false);
    output.addText("a");
    addPing(output);
    add(output, 2, counted(1));
    expect(drain(output)).toEqual([concat([text("a"), ping("ping"), binary(counted(1))])]);
  });

  it.each([false, true])(
    "overtake what waits behind a write under way, in their own order; masked: %s",
    (isMasked) => {
      const output = new WriteBuffer(isMasked);
      output.addText("under way");
      const writes: Uint8Array[] = [output.take()!.slice()];
      for (let count = 0; count < 3; count++) add(output, 2, counted(50_000));
      const before = output.unsent;
      addPing(output, "one");
      addPing(output, "two");
      expect(output.unsent - before).toBe(2 * (isMasked ? 9 : 5));
      output.giveBack();
      writes.push(...drain(output));
      const lines = frameLines(concat(writes));
      expect(lines.slice(1, 3)).toEqual(["ping fin 0 6f6e65", "ping fin 0 74776f"]);
      expect(names(writes)).toEqual(["text", "ping", "ping", "binary", "binary", "binary"]);
      expect(output.unsent).toBe(0);
      expect(output.traffic.frames).toBe(6);
    },
  );

  it.each([false, true])(
    "never go into the middle of a frame that leaves in several writes; masked: %s",
    (isMasked) => {
      const output = new WriteBuffer(isMasked);
      add(output, 2, counted(3 * largestWrite));
      for (let count = 0; count < 2; count++) add(output, 2, counted(100_000));
      const writes: Uint8Array[] = [];
      for (let bytes = output.take(); bytes !== undefined; bytes = output.take()) {
        writes.push(bytes.slice());
        if (writes.length === 2) addPing(output, "lent");
        output.giveBack();
        if (writes.length === 2) addPing(output, "between two writes");
      }
      expect(names(writes)).toEqual(["binary", "ping", "ping", "binary", "binary"]);
      expect(output.unsent).toBe(0);
    },
  );

  it("overtake a little as they overtake much, if it waits behind a write under way", () => {
    const output = new WriteBuffer(false);
    output.addText("under way");
    output.take();
    output.addText("waits");
    addPing(output, "p");
    output.giveBack();
    expect(drain(output)).toEqual([ping("p"), text("waits")]);
  });

  it("overtake what waits if it is more than one write, before anything is taken", () => {
    const output = new WriteBuffer(false);
    for (let count = 0; count < 2; count++) add(output, 2, counted(50_000));
    addPing(output);
    expect(names(drain(output))).toEqual(["ping", "binary", "binary"]);
  });

  it("never leave before the response that opens the connection, however much waits behind it", () => {
    const response = encodeUtf8("HTTP/1.1 101\r\n\r\n");
    const output = new WriteBuffer(false);
    output.addRaw(response);
    for (let count = 0; count < 2; count++) add(output, 2, counted(50_000));
    addPing(output);
    const writes: Uint8Array[] = [output.take()!.slice()];
    addPing(output, "behind the response");
    output.giveBack();
    writes.push(...drain(output));
    expect(concat(writes).subarray(0, response.length)).toEqual(response);
    const order = names(writes, response.length);
    expect(order).toEqual(["binary", "ping", "ping", "binary"]);
    expect(output.unsent).toBe(0);
  });

  it("leave in the order in which they were added, whatever is added and taken between them", () => {
    const data = counted(2 * largestWrite);
    for (let seed = 1; seed <= 300; seed++) {
      const next = seededRandom(seed);
      const output = new WriteBuffer(seed % 2 === 0);
      const opening = seed % 3 === 0 ? counted(200) : counted(0);
      if (opening.length > 0) output.addRaw(opening);
      const writes: Uint8Array[] = [];
      let added = 0;
      for (let step = 0; step < 40; step++) {
        const what = next();
        if (what < 0.35)
          addPing(output, String(added++).padStart(1 + Math.floor(next() * 120), "0"));
        else if (what < 0.5) add(output, 2, data.subarray(0, next() * 300));
        else if (what < 0.6) add(output, 2, data.subarray(0, largestGathered - next() * 300));
        else if (what < 0.7) add(output, 2, data.subarray(0, next() * data.length));
        else if (output.lent > 0) output.giveBack();
        else writes.push(output.take()?.slice() ?? counted(0));
      }
      if (output.lent > 0) output.giveBack();
      writes.push(...drain(output));
      const sent = concat(writes);
      expect(sent.subarray(0, opening.length)).toEqual(opening);
      const pings = pingsOf(sent.subarray(opening.length)).map(Number);
      expect(pings, `seed ${seed}`).toEqual(Array.from({ length: added }, (_, count) => count));
      expect(output.unsent).toBe(0);
    }
  });

  it("never leave after a close frame, whatever was taken before", () => {
    for (const size of [10, 50_000, 100_000, 150_000, 300_000]) {
      for (const taken of [0, 1, 2]) {
        for (const isOpening of [false, true]) {
          const output = new WriteBuffer(false);
          const writes: Uint8Array[] = [];
          const response = isOpening ? counted(200) : counted(0);
          if (isOpening) output.addRaw(response);
          add(output, 2, counted(size));
          for (let count = 0; count < taken; count++) {
            const bytes = output.take();
            if (bytes === undefined) continue;
            writes.push(bytes.slice());
            if (count + 1 < taken) output.giveBack();
          }
          addPing(output);
          addPong(output, "pong");
          output.addClose(hex("03 e8"));
          if (output.lent > 0) output.giveBack();
          writes.push(...drain(output));
          const name = `${size}, ${taken} taken, opening: ${isOpening}`;
          expect(names(writes, response.length).at(-1), name).toBe("close");
          expect(names(writes, response.length), name).toContain("ping");
        }
      }
    }
  });
});

describe("WriteBuffer.clear()", () => {
  it("drops what waits, and no longer counts it", () => {
    const output = new WriteBuffer(false);
    for (let count = 0; count < 4; count++) add(output, 2, counted(40_000));
    addPong(output, "late");
    output.clear();
    expect(output.unsent).toBe(0);
    expect(drain(output)).toEqual([]);
    output.addText("again");
    expect(drain(output)).toEqual([text("again")]);
  });

  it("keeps what is lent", () => {
    const output = new WriteBuffer(false);
    output.addText("Hello");
    const lent = output.take()!;
    output.addText("lost");
    output.clear();
    output.addText("again");
    expect([lent, output.unsent]).toEqual([text("Hello"), 14]);
    output.giveBack();
    expect(drain(output)).toEqual([text("again")]);
  });

  it("drops the rest of a frame of which a part is lent, or has left", () => {
    for (const isGivenBack of [false, true]) {
      const output = new WriteBuffer(false);
      add(output, 2, counted(3 * largestWrite));
      const lent = output.take()!;
      output.addText("lost");
      output.addPing(encodeUtf8("lost"));
      const copy = lent.slice();
      if (isGivenBack) output.giveBack();
      output.clear();
      const left = isGivenBack ? 0 : largestWrite;
      expect([output.unsent, output.lent]).toEqual([left, left]);
      expect(isSame(lent, copy)).toBe(true);
      if (!isGivenBack) output.giveBack();
      expect([output.take(), output.unsent]).toEqual([undefined, 0]);
    }
  });

  it("does nothing if nothing waits", () => {
    const output = new WriteBuffer(false);
    output.clear();
    expect(output.unsent).toBe(0);
  });
});

describe("WriteBuffer.giveBack()", () => {
  const refused = new TypeError("giveBack() without take()");

  it("is refused if nothing is lent: at first, twice, and after abandon()", () => {
    for (const size of [10, 3 * largestWrite]) {
      const output = new WriteBuffer(false);
      const giveBack = (): void => {
        output.giveBack();
      };
      add(output, 2, counted(size));
      expect(giveBack).toThrow(refused);
      while (output.take() !== undefined) giveBack();
      expect(giveBack).toThrow(refused);
      expect([output.unsent, output.lent]).toEqual([0, 0]);
      add(output, 2, counted(size));
      output.take();
      output.abandon();
      expect(giveBack).toThrow(refused);
      expect([output.unsent, output.lent]).toEqual([0, 0]);
    }
  });

  it("accepts an empty write", () => {
    const output = new WriteBuffer(false);
    output.addRaw(new Uint8Array(0));
    expect(output.take()).toEqual(new Uint8Array(0));
    output.giveBack();
    expect(output.take()).toBeUndefined();
  });
});

describe("WriteBuffer.abandon()", () => {
  it("drops everything, lent bytes too, which never come back nor go to others", () => {
    for (const size of [10, 1000, 3 * largestWrite]) {
      const output = new WriteBuffer(false);
      add(output, 2, counted(size));
      const lent = output.take()!;
      const copy = lent.slice();
      output.addText("lost");
      output.abandon();
      expect([output.unsent, output.lent, output.take()]).toEqual([0, 0, undefined]);
      // The write may be under way still.
      for (let count = 0; count < 70; count++) new WriteBuffer(false).addText("x".repeat(800));
      expect(isSame(lent, copy)).toBe(true);
    }
  });

  it("does nothing if nothing is lent", () => {
    const output = new WriteBuffer(false);
    output.addText("lost");
    output.abandon();
    output.abandon();
    expect([output.unsent, output.take()]).toEqual([0, undefined]);
  });
});

describe("WriteBuffer.hold()", () => {
  it("counts bytes that are not frames yet as unsent, and not as gathered", () => {
    const output = new WriteBuffer(false);
    output.addText("abc");
    output.hold(100);
    expect([output.unsent, output.gathered]).toEqual([105, 5]);
    drain(output);
    expect([output.unsent, output.gathered]).toEqual([100, 0]);
    output.hold(-100);
    expect(output.unsent).toBe(0);
  });
});

describe("WriteBuffer.addPong()", () => {
  /** An output with bytes unsent, as one raw piece. */
  function withUnsent(size: number): WriteBuffer {
    const output = new WriteBuffer(false);
    output.addRaw(counted(size));
    return output;
  }

  it("sends every pong while less than 4 KiB is unsent", () => {
    const output = withUnsent(4095 - 3);
    addPong(output, "a");
    addPong(output, "b");
    addPong(output, "c");
    expect(concat(drain(output)).subarray(4092)).toEqual(concat([pong("a"), pong("b"), pong("c")]));
  });

  it("sends only the last pong when 4 KiB is unsent, behind what waits", () => {
    const output = withUnsent(4096);
    addPong(output, "a");
    addPong(output, "b");
    output.addText("text");
    addPong(output, "c");
    expect(concat(drain(output)).subarray(4096)).toEqual(concat([text("text"), pong("c")]));
  });

  it("does not wait for more than what was unsent", () => {
    const output = withUnsent(5000);
    output.take();
    addPong(output, "late");
    expect(output.unsent).toBe(5000);
    output.giveBack();
    expect(drain(output)).toEqual([pong("late")]);
    expect(output.unsent).toBe(0);
  });

  it("sends a late pong between two frames, in front of what waits behind the write under way", () => {
    const output = new WriteBuffer(false);
    for (let count = 0; count < 3; count++) add(output, 2, counted(65_530));
    output.take();
    addPong(output, "late");
    output.giveBack();
    const sizes = drain(output).map((bytes) => bytes.length);
    expect(sizes).toEqual([pong("late").length, 65_534, 65_534]);
    expect(output.unsent).toBe(0);
  });

  it("sends a late pong first if more waits than one write takes", () => {
    const output = new WriteBuffer(false);
    for (let count = 0; count < 2; count++) add(output, 2, counted(65_530));
    addPong(output, "late");
    expect(drain(output)[0]).toEqual(pong("late"));
  });

  it("sends a late pong even if there is no more room in the last buffer", () => {
    const output = withUnsent(largestGathered);
    addPong(output, "late");
    const writes = drain(output);
    expect(writes.map((bytes) => bytes.length)).toEqual([largestGathered, 6]);
    expect(writes[1]).toEqual(pong("late"));
  });

  it("copies the payload of a late pong", () => {
    const output = withUnsent(4096);
    const payload = encodeUtf8("xlatex");
    output.addPong(payload, 1, 5);
    payload.fill(0);
    expect(concat(drain(output)).subarray(4096)).toEqual(pong("late"));
  });

  it("sends no older pong after a newer one", () => {
    const output = withUnsent(4096);
    output.take();
    addPong(output, "older");
    output.giveBack();
    addPong(output, "newer");
    const lines = traceOf(concat(drain(output))).filter((line) => /^[0-9a-f]+$/.test(line));
    expect(lines.at(-1)).toBe(toHex(encodeUtf8("newer")));
  });
});

describe("WriteBuffer.addClose()", () => {
  it("adds a close frame after what waits, and drops a late pong", () => {
    const output = new WriteBuffer(false);
    output.addRaw(counted(4096));
    addPong(output, "late");
    output.addClose(hex("03 e8"));
    expect(concat(drain(output)).subarray(4096)).toEqual(close(1000));
  });
});

describe("WriteBuffer.addFrame()", () => {
  it.each([0x0, 0x1, 0x2, 0x8, 0x9, 0xa])("frames opcode %i", (opcode) => {
    const output = new WriteBuffer(false);
    add(output, opcode, counted(3));
    expect(drain(output)).toEqual([frame(opcode, counted(3))]);
  });
});

describe("WriteBuffer with a large payload", () => {
  /** Where the payload of a frame lies among 32 bytes, and where it came from. */
  function places(
    output: WriteBuffer,
    length: number,
    from: number,
  ): [source: number, target: number] {
    const source = counted(length + 32);
    output.addFrame(0x2, source, from, from + length);
    const first = output.take()!;
    const { byteOffset } = first;
    const writes: Uint8Array[] = [first.slice()];
    output.giveBack();
    writes.push(...drain(output));
    expect(isSame(concat(writes), binary(source.subarray(from, from + length)))).toBe(true);
    const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
    return [(source.byteOffset + from) % 32, (byteOffset + header) % 32];
  }

  it.each([2049, 4096, 65_536, 2 ** 20])(
    "of %i bytes begins a buffer at its source's position within 32 bytes",
    (length) => {
      for (const from of [0, 1, 8, 31]) {
        const [source, target] = places(new WriteBuffer(false), length, from);
        expect(target).toBe(source);
      }
    },
  );

  it("of a client lies so, too, and is masked in place", () => {
    const output = new WriteBuffer(true);
    const source = counted(5000);
    add(output, 0x2, source);
    const bytes = output.take()!;
    expect((bytes.byteOffset + 8) % 32).toBe(source.byteOffset % 32);
    // But for the key that its header tells of.
    expect(traceOf(bytes).slice(1)).toEqual(traceOf(binary(source)).slice(1));
  });

  it("follows what waits without a gap", () => {
    const output = new WriteBuffer(false);
    add(output, 0x2, counted(3));
    add(output, 0x2, counted(5000));
    expect(drain(output)).toEqual([concat([binary(counted(3)), binary(counted(5000))])]);
  });

  it("makes no gap if it moves to a larger buffer, and counts no byte that was left out", () => {
    const output = new WriteBuffer(false);
    add(output, 0x2, counted(5000));
    add(output, 0x2, counted(20_000));
    expect(output.unsent).toBe(4 + 5000 + 4 + 20_000);
    expect(drain(output)).toEqual([concat([binary(counted(5000)), binary(counted(20_000))])]);
    expect(output.unsent).toBe(0);
  });
});

describe("a WriteBuffer that plain JavaScript gives frames to", () => {
  /** An output that nothing was added to by what `act` does. */
  function expectRefused(act: (output: WriteBuffer) => void, error: new () => Error): void {
    const output = new WriteBuffer(false);
    expect(() => {
      act(output);
    }).toThrow(error);
    expect([output.unsent, output.take(), output.traffic.frames]).toEqual([0, undefined, 0]);
  }

  it("refuses ranges outside the bytes", () => {
    const output = new WriteBuffer(false);
    expectRangesChecked((bytes, start, end) => {
      output.addFrame(OpBinary, bytes, start, end);
    });
    expectRangesChecked((bytes, start, end) => {
      output.addPong(bytes, start, end);
    });
    expect(output.take()).toBeUndefined();
  });

  it("refuses a range without its ends, and sends what follows", () => {
    const output = new WriteBuffer(false);
    expectRangeNeeded((bytes, start, end) => {
      output.addFrame(OpBinary, bytes, start, end);
    });
    expectRangeNeeded((bytes, start, end) => {
      output.addPong(bytes, start, end);
    });
    expect([output.unsent, output.traffic.frames]).toEqual([0, 0]);
    output.addText("Hello");
    expect(drain(output)).toEqual([text("Hello")]);
  });

  it("leaves to the caller the rules for messages: order, fin, and what is reserved", () => {
    const output = new WriteBuffer(false);
    for (const opcode of [3, 11]) output.addFrame(opcode, counted(1), 0, 1, 4);
    for (const opcode of [0, 9]) output.addFrame(opcode, counted(1), 0, 1, 0, false);
    expect(concat(drain(output))).toEqual(hex("c3 01 00 cb 01 00 00 01 00 09 01 00"));
  });

  it.each([0x1f, -1, NaN, 1.5])("refuses an opcode of %s", (opcode) => {
    expectRefused((output) => {
      output.addFrame(opcode, counted(1), 0, 1);
    }, RangeError);
  });

  it.each([8, -1, NaN])("refuses reserved bits of %s", (rsv) => {
    expectRefused((output) => {
      output.addFrame(OpBinary, counted(1), 0, 1, rsv);
    }, RangeError);
  });

  it("refuses a control frame of more than 125 bytes (RFC 6455, 5.5)", () => {
    const long = counted(126);
    const refused = new RangeError("length must be from 0 to 125: 126");
    const output = new WriteBuffer(false);
    const adders: (() => void)[] = [
      () => {
        output.addPing(long);
      },
      () => {
        output.addPong(long, 0, 126);
      },
      () => {
        output.addClose(long);
      },
      () => {
        output.addFrame(OpPing, long, 0, 126);
      },
    ];
    for (const adder of adders) expect(adder).toThrow(refused);
    expect(output.take()).toBeUndefined();
    output.addPing(counted(125));
    expect(drain(output)).toEqual([ping(counted(125))]);
  });

  it("refuses a pong that is too long even if it would be kept back", () => {
    const output = new WriteBuffer(false);
    add(output, OpBinary, counted(5000));
    expect(() => {
      output.addPong(counted(126), 0, 126);
    }).toThrow(RangeError);
    expect(drain(output)).toEqual([binary(counted(5000))]);
  });

  it.each(["Hello", [1, 2], null, undefined])("refuses %j in place of bytes", (wrong) => {
    const bytes = wrong as never;
    expectRefused((output) => {
      output.addPing(bytes);
    }, TypeError);
    expectRefused((output) => {
      output.addClose(bytes);
    }, TypeError);
    expectRefused((output) => {
      output.addRaw(bytes);
    }, TypeError);
    if (typeof wrong === "string") return;
    expectRefused((output) => {
      output.addText(bytes);
    }, TypeError);
  });
});

describe("WriteBuffer.take() and WriteBuffer.lend()", () => {
  const message = counted(300_000);
  const whole = binary(message);

  it("give a copy of a frame that many share, and the frame itself", () => {
    const outputs = [new WriteBuffer(false), new WriteBuffer(false)] as const;
    for (const output of outputs) output.addShared(whole, OpBinary, message.length);
    const lent = outputs[0].lend()!;
    expect(lent.buffer).toBe(whole.buffer);
    const taken: Uint8Array[] = [];
    for (let bytes = outputs[1].take(); bytes !== undefined; bytes = outputs[1].take()) {
      taken.push(bytes.slice());
      // Whoever has it may do with it what it wants, such as give its memory away.
      bytes.fill(0);
      structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });
      outputs[1].giveBack();
    }
    expect(isSame(concat(taken), whole)).toBe(true);
    expect(isSame(whole, binary(message))).toBe(true);
  });

  it("both give bytes of the pool if nobody shares them", () => {
    const output = new WriteBuffer(false);
    add(output, OpBinary, counted(10));
    expect(output.lend()!.buffer).toBe(output.take()!.buffer);
  });
});

describe("WriteBuffer.addShared()", () => {
  const shared = binary(counted(10));

  function share(output: WriteBuffer, whole = shared): void {
    const headerSize = whole[1]! < 126 ? 2 : whole[1] === 126 ? 4 : 10;
    output.addShared(whole, 0x2, whole.length - headerSize);
  }

  it("lends the frame without a copy if it is alone", () => {
    const output = new WriteBuffer(false);
    share(output);
    expect(output.unsent).toBe(shared.length);
    const bytes = output.lend()!;
    expect(bytes.buffer).toBe(shared.buffer);
    expect(bytes).toEqual(shared);
    output.giveBack();
    expect([output.unsent, output.take()]).toEqual([0, undefined]);
  });

  it("joins it in one write with what is around it, and does not change it", () => {
    for (const order of ["shared first", "shared in the middle", "two shared"]) {
      const output = new WriteBuffer(false);
      if (order === "shared in the middle") output.addText("a");
      share(output);
      if (order === "two shared") share(output);
      else output.addText("b");
      const before = order === "shared in the middle" ? [text("a")] : [];
      const after = order === "two shared" ? shared : text("b");
      expect(drain(output), order).toEqual([concat([...before, shared, after])]);
    }
    expect(shared).toEqual(binary(counted(10)));
  });

  it("sends it in a write of its own if more than 64 KiB would be gathered", () => {
    const large = binary(counted(65_530));
    const output = new WriteBuffer(false);
    share(output, large);
    output.addText("a".repeat(100));
    share(output);
    expect(drain(output)).toEqual([large, concat([text("a".repeat(100)), shared])]);
  });

  it("gives no shared frame to the pool, whatever its size", () => {
    const frame = binary(counted(1024 - 4));
    expect(frame.length).toBe(1024);
    const output = new WriteBuffer(false);
    for (let i = 0; i < 70; i++) {
      share(output, frame);
      output.take();
      output.giveBack();
    }
    share(output, frame);
    output.clear();
    for (let i = 0; i < 70; i++) {
      const other = new WriteBuffer(false);
      other.addText("x");
      expect(other.take()!.buffer).not.toBe(frame.buffer);
    }
    expect(frame).toEqual(binary(counted(1024 - 4)));
  });

  it("counts the frame", () => {
    const output = new WriteBuffer(false);
    share(output);
    share(output);
    expect(output.traffic).toMatchObject({ frames: 2, bytes: 2 * shared.length });
    output.clear();
    expect(output.unsent).toBe(0);
  });
});

describe("a tracer that is told of each frame", () => {
  it("may take a ping, and drop all, and what follows is in order", () => {
    let isTaking = true;
    const output: WriteBuffer = new WriteBuffer(
      false,
      new Traffic(() => {
        if (isTaking) output.take();
      }),
    );
    output.addPing(encodeUtf8("a"));
    isTaking = false;
    output.clear();
    add(output, OpBinary, counted(largestGathered));
    output.addPing(encodeUtf8("b"));
    output.giveBack();
    expect(frameLines(concat(drain(output))).map((line) => line.split(" ", 1)[0])).toEqual([
      "ping",
      "binary",
    ]);
  });

  it("may send more on the same connection, and both frames leave whole, in their order", () => {
    for (const isMasked of [false, true]) {
      let isFirst = true;
      const output: WriteBuffer = new WriteBuffer(
        isMasked,
        new Traffic(() => {
          if (!isFirst) return;
          isFirst = false;
          output.addFrame(OpBinary, hex("07 08 09"), 0, 3);
        }),
      );
      output.addFrame(OpBinary, hex("01 02"), 0, 2);
      expect(output.addText("a \u20AC")).toBe(5);
      const lines = traceOf(concat(drain(output))).filter((line) => /^[0-9a-f]+$/.test(line));
      expect(lines).toEqual(["0102", "070809", "6120e282ac"]);
    }
  });
});

describe("WriteBuffer.whenTaken()", () => {
  /** Tells what became of a mark, as "a taken" or "a lost". */
  function newMarks() {
    const lines: string[] = [];
    return {
      lines,
      mark: (name: string) => ({
        onTaken: () => void lines.push(`${name} taken`),
        onLost: () => void lines.push(`${name} lost`),
      }),
    };
  }

  it("calls the listener at once if nothing is gathered", () => {
    const { lines, mark } = newMarks();
    new WriteBuffer(false).whenTaken(mark("a"));
    expect(lines).toEqual(["a taken"]);
  });

  it("calls the listener when the last byte gathered by then is given back, even if it is lent already", () => {
    const { lines, mark } = newMarks();
    const output = new WriteBuffer(false);
    output.addFrame(OpBinary, new Uint8Array(10), 0, 10);
    output.whenTaken(mark("a"));
    output.take();
    output.whenTaken(mark("b"));
    output.addFrame(OpBinary, new Uint8Array(10), 0, 10);
    output.whenTaken(mark("c"));
    output.giveBack();
    expect(lines).toEqual(["a taken", "b taken"]);
    output.take();
    output.giveBack();
    expect(lines).toEqual(["a taken", "b taken", "c taken"]);
  });

  it("calls the listener for bytes that a ping has put before everything else", () => {
    const { lines, mark } = newMarks();
    const output = new WriteBuffer(false);
    output.addFrame(OpBinary, new Uint8Array(10), 0, 10);
    output.addPing(new Uint8Array(1));
    output.take();
    output.addPing(new Uint8Array(2));
    output.whenTaken(mark("ping"));
    output.giveBack();
    expect(lines).toEqual([]);
    output.take();
    output.giveBack();
    expect(lines).toEqual(["ping taken"]);
  });

  it("reports dropped bytes as lost, and lent ones when they are abandoned", () => {
    const { lines, mark } = newMarks();
    const output = new WriteBuffer(false);
    output.addFrame(OpBinary, new Uint8Array(largestWrite), 0, largestWrite);
    output.whenTaken(mark("large"));
    output.addFrame(OpBinary, new Uint8Array(10), 0, 10);
    output.whenTaken(mark("small"));
    output.take();
    output.clear();
    expect(lines.sort()).toEqual(["large lost", "small lost"]);
    output.giveBack();
    output.addFrame(OpBinary, new Uint8Array(10), 0, 10);
    output.whenTaken(mark("lent"));
    output.take();
    output.clear();
    expect(lines).toHaveLength(2);
    output.abandon();
    expect(lines.at(-1)).toBe("lent lost");
  });
});
