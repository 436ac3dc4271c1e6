import { describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.ts";
import { ProtocolError } from "../../src/errors.ts";
import { FrameDecoder, type FrameDecoderOptions, type FrameSink } from "../../src/frame/decoder.ts";
import { cuts } from "../support/cuts.ts";
import {
  binary,
  close,
  continuation,
  counted,
  frame,
  hex,
  ping,
  pong,
  text,
  toHex,
} from "../support/frames.ts";
import { expectRangesChecked } from "../support/ranges.ts";
import { FrameTrace } from "../support/trace.ts";

const masked = { masked: true };

/** What a sink gets of pieces; a ProtocolError is the last line. */
function traceOf(pieces: readonly Uint8Array[], options?: FrameDecoderOptions): string[] {
  const trace = new FrameTrace();
  const decoder = new FrameDecoder(trace, options);
  try {
    for (const piece of pieces) {
      const taken = decoder.feed(piece);
      if (taken !== piece.length) trace.lines.push(`took ${taken} of ${piece.length}`);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    trace.lines.push(error.code);
  }
  return trace.lines;
}

function expectAtAllCuts(
  wire: Uint8Array,
  lines: readonly string[],
  options?: FrameDecoderOptions,
): void {
  for (const pieces of cuts(wire)) {
    const cut = pieces.map((piece) => piece.length).join(" + ");
    expect(traceOf(pieces, options), cut).toEqual(lines);
  }
}

describe("FrameDecoder", () => {
  it.each([
    [
      "an unmasked text",
      "81 05 48 65 6c 6c 6f",
      ["text fin rsv 0 mask none length 5", "48656c6c6f", "end"],
    ],
    [
      "a masked text",
      "81 85 37 fa 21 3d 7f 9f 4d 51 58",
      ["text fin rsv 0 mask 37fa213d length 5", "48656c6c6f", "end"],
    ],
    [
      "a fragmented text",
      "01 03 48 65 6c 80 02 6c 6f",
      [
        "text more rsv 0 mask none length 3",
        "48656c",
        "end",
        "continuation fin rsv 0 mask none length 2",
        "6c6f",
        "end",
      ],
    ],
    [
      "a ping and its masked pong",
      "89 05 48 65 6c 6c 6f 8a 85 37 fa 21 3d 7f 9f 4d 51 58",
      [
        "ping fin rsv 0 mask none length 5",
        "48656c6c6f",
        "end",
        "pong fin rsv 0 mask 37fa213d length 5",
        "48656c6c6f",
        "end",
      ],
    ],
  ])("decodes the example of RFC 6455, 5.7 at all cuts: %s", (_, wire, lines) => {
    expectAtAllCuts(hex(wire), lines);
  });

  it.each([
    ["256 bytes", "82 7e 01 00", 256],
    ["64 KiB", "82 7f 00 00 00 00 00 01 00 00", 65536],
  ])("decodes the example of RFC 6455, 5.7: %s of binary", (_, header, length) => {
    expect(traceOf([concat([hex(header), counted(length)])])).toEqual([
      `binary fin rsv 0 mask none length ${length}`,
      toHex(counted(length)),
      "end",
    ]);
  });

  it("decodes frames of every length form, masked or not, at all cuts", () => {
    const wire = concat([
      text("Hello", masked),
      binary("", masked),
      ping("\u20AC"),
      continuation(counted(300), { ...masked, fin: false, rsv: 5 }),
      frame(0xb, "x", { rsv: 2 }),
      binary("abc", { lengthForm: 2 }),
      binary("abcd", { ...masked, lengthForm: 8 }),
      pong("", masked),
      close(1000, "bye", masked),
    ]);
    expectAtAllCuts(wire, [
      "text fin rsv 0 mask 37fa213d length 5",
      "48656c6c6f",
      "end",
      "binary fin rsv 0 mask 37fa213d length 0",
      "end",
      "ping fin rsv 0 mask none length 3",
      "e282ac",
      "end",
      "continuation more rsv 5 mask 37fa213d length 300",
      toHex(counted(300)),
      "end",
      "opcode 11 fin rsv 2 mask none length 1",
      "78",
      "end",
      "binary fin rsv 0 mask none length 3",
      "616263",
      "end",
      "binary fin rsv 0 mask 37fa213d length 4",
      "61626364",
      "end",
      "pong fin rsv 0 mask 37fa213d length 0",
      "end",
      "close fin rsv 0 mask 37fa213d length 5",
      "03e8627965",
      "end",
    ]);
  });

  it("unmasks a long payload the same way wherever it is cut", () => {
    const wire = binary(counted(1500), masked);
    expectAtAllCuts(wire, [
      "binary fin rsv 0 mask 37fa213d length 1500",
      toHex(counted(1500)),
      "end",
    ]);
  });

  it.each<[what: string, wire: Uint8Array, code: string]>([
    ["2^63", binary("", { length: 2n ** 63n }), "LENGTH_SIGN_BIT"],
    ["2^53, masked", binary("", { ...masked, length: 2n ** 53n }), "LENGTH_TOO_LARGE"],
    ["a ping's 5 in two bytes", ping("Hello", { lengthForm: 2 }), "LENGTH_NOT_MINIMAL"],
    [
      "a close's 0 in eight bytes",
      close(0, "", { ...masked, lengthForm: 8 }),
      "LENGTH_NOT_MINIMAL",
    ],
  ])("refuses a length at all cuts: %s", (_, wire, code) => {
    const good = ["text fin rsv 0 mask none length 2", "6f6b", "end"];
    expectAtAllCuts(concat([text("ok"), wire]), [...good, code]);
  });

  it.each<[what: string, wire: Uint8Array]>([
    ["125 in two bytes", text("x".repeat(125), { lengthForm: 2 })],
    ["300 in eight bytes", binary(counted(300), { ...masked, lengthForm: 8 })],
  ])("refuses a data frame's longer length if told to: %s", (_, wire) => {
    expectAtAllCuts(wire, ["LENGTH_NOT_MINIMAL"], { strictLength: true });
    expect(traceOf([wire]).at(-1)).toBe("end");
  });

  it("accepts minimal lengths if told to refuse others", () => {
    for (const length of [0, 125, 126, 65535, 65536]) {
      const lines = traceOf([binary(counted(length), masked)], { strictLength: true });
      expect(lines.at(-1)).toBe("end");
    }
  });

  it("reports a length of 2^53 - 1 without keeping any memory for it", () => {
    const lines = traceOf([binary("ab", { length: 2 ** 53 - 1 })]);
    expect(lines).toEqual(["binary fin rsv 0 mask none length 9007199254740991", "6162"]);
  });

  it("reads a range, and leaves the bytes around it as they are", () => {
    const wire = concat([hex("ff ff"), text("Hello", masked), hex("81 85 37")]);
    const trace = new FrameTrace();
    const decoder = new FrameDecoder(trace);
    expect(decoder.feed(wire, 2, wire.length - 3)).toBe(wire.length - 3);
    expect(trace.lines.at(-1)).toBe("end");
    expect(decoder.isBetweenFrames).toBe(true);
    expect([toHex(wire, 0, 2), toHex(wire, wire.length - 3)]).toEqual(["ffff", "818537"]);
  });

  it("refuses a range outside its bytes, and goes on where it was", () => {
    const trace = new FrameTrace();
    const decoder = new FrameDecoder(trace);
    const [first, rest] = [hex("81"), hex("02 68 69")];
    decoder.feed(first);
    expectRangesChecked((bytes, start, end) => decoder.feed(bytes, start, end));
    decoder.feed(rest);
    expect(trace.lines).toEqual(traceOf([hex("81 02 68 69")]));
  });

  it("unmasks payloads in place", () => {
    const chunk = text("Hello", masked);
    new FrameDecoder(new FrameTrace()).feed(chunk);
    expect(toHex(chunk, 6)).toBe("48656c6c6f");
  });

  it("keeps nothing of a chunk", () => {
    const wire = concat([text("Hello", masked), text("you")]);
    for (const pieces of cuts(wire)) {
      const trace = new FrameTrace();
      const decoder = new FrameDecoder(trace);
      for (const piece of pieces) {
        decoder.feed(piece);
        piece.fill(0xdb);
      }
      expect(trace.lines).toEqual(traceOf([wire.slice()]));
    }
  });
});

describe("FrameDecoder.isBetweenFrames", () => {
  it("is true at the ends of frames, and nowhere else", () => {
    const frames = [text("Hello", masked), ping(), binary(counted(130))];
    const decoder = new FrameDecoder(new FrameTrace());
    const actual = [decoder.isBetweenFrames];
    const expected = [true];
    for (const wire of frames) {
      wire.forEach((byte, index) => {
        decoder.feed(Uint8Array.of(byte));
        actual.push(decoder.isBetweenFrames);
        expected.push(index === wire.length - 1);
      });
    }
    expect(actual).toEqual(expected);
  });
});

describe("FrameDecoder.stop()", () => {
  const wire = concat([text("ab", masked), ping(), binary("cd")]);

  /** Feeds what is left until all is taken, with a sink that stops at each call of `event`. */
  function feedWithStops(event: keyof FrameSink): { ends: number[]; lines: string[] } {
    const trace = new FrameTrace();
    const sink: FrameSink = {
      frameHeader: (header) => {
        trace.frameHeader(header);
        if (event === "frameHeader") decoder.stop();
      },
      framePayload: (bytes, start, end) => {
        trace.framePayload(bytes, start, end);
        if (event === "framePayload") decoder.stop();
      },
      frameEnd: () => {
        trace.frameEnd();
        if (event === "frameEnd") decoder.stop();
      },
    };
    const decoder = new FrameDecoder(sink);
    const chunk = wire.slice();
    const ends: number[] = [];
    for (let at = 0; at < chunk.length; ends.push(at)) at = decoder.feed(chunk, at);
    return { ends, lines: trace.lines };
  }

  it.each([
    ["frameHeader", [6, 10, 12, 14]],
    ["framePayload", [8, 14]],
    ["frameEnd", [8, 10, 14]],
  ] as const)("makes feed() return after %s, and the rest can be fed later", (event, expected) => {
    const { ends, lines } = feedWithStops(event);
    expect(ends).toEqual(expected);
    expect(lines).toEqual(traceOf([wire.slice()]));
  });

  it("works inside a header that comes byte by byte, too", () => {
    const trace = new FrameTrace();
    const decoder = new FrameDecoder({
      frameHeader: () => {
        decoder.stop();
      },
      framePayload: (bytes, start, end) => {
        trace.framePayload(bytes, start, end);
      },
      frameEnd: () => {},
    });
    decoder.feed(wire.slice(0, 3));
    expect(decoder.feed(wire.slice(3))).toBe(3);
    expect(trace.lines).toEqual([]);
  });

  it("is forgotten by the next call of feed()", () => {
    const trace = new FrameTrace();
    const decoder = new FrameDecoder(trace);
    decoder.stop();
    expect(decoder.feed(wire.slice())).toBe(wire.length);
  });
});

describe("a sink that throws", () => {
  it.each(["frameHeader", "framePayload", "frameEnd"] as const)(
    "ends the call of feed(): %s",
    (event) => {
      const sink: FrameSink = new FrameTrace();
      const error = new Error("no");
      sink[event] = () => {
        throw error;
      };
      const decoder = new FrameDecoder(sink);
      expect(() => decoder.feed(text("Hello", masked))).toThrow(error);
    },
  );
});
