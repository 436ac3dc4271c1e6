import { describe, expect, it } from "vitest";
import { webText } from "../../src/frame/text-codec.ts";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import type { MessageLimits } from "../../src/endpoint/limits.ts";
import { type AssemblerSettings, MessageAssembler } from "../../src/endpoint/message.ts";
import { LimitError, ProtocolError } from "../../src/errors.ts";
import { StateClientSide, StateServerSide } from "../../src/frame/check.ts";
import { FrameDecoder } from "../../src/frame/decoder.ts";
import { cutAt, cuts } from "../support/cuts.ts";
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
import { MessageTrace } from "../support/trace.ts";

const none: Omit<AssemblerSettings, "state"> = {
  codec: webText,
  isTextBytes: false,
  maxFrameSize: Infinity,
  maxMessageSize: Infinity,
  maxFragments: Infinity,
};
const more = { fin: false };
const masked = { masked: true };

interface Setting {
  readonly state?: number;
  readonly limits?: Partial<MessageLimits>;
}

/** Feeds pieces; gives the trace, with the code of the error that ended it as the last line. */
function receive(
  pieces: readonly Uint8Array[],
  { state = StateClientSide, limits = {} }: Setting = {},
): MessageTrace {
  const trace = new MessageTrace();
  const decoder = new FrameDecoder(
    new MessageAssembler(trace, trace, { state, ...none, ...limits }),
  );
  try {
    for (const piece of pieces) {
      decoder.feed(piece);
      piece.fill(0xdb);
    }
  } catch (error) {
    if (error instanceof ProtocolError) trace.lines.push(error.code);
    else if (error instanceof LimitError) trace.lines.push(`${error.code} ${error.actual}`);
    else throw error;
  }
  return trace;
}

function expectAtAllCuts(
  frames: readonly Uint8Array[],
  lines: readonly string[],
  setting?: Setting,
): void {
  for (const pieces of cuts(concat(frames))) {
    const cut = pieces.map((piece) => piece.length).join(" + ");
    expect(receive(pieces, setting).lines, cut).toEqual(lines);
  }
}

describe("MessageAssembler", () => {
  it.each<[what: string, frames: Uint8Array[], lines: string[]]>([
    ["a text", [text("Hello")], ["text Hello"]],
    ["an empty text", [text()], ["text "]],
    ["an empty binary message", [binary()], ["binary "]],
    ["the fragments of RFC 6455, 5.7", [text("Hel", more), continuation("lo")], ["text Hello"]],
    [
      "a message of three frames",
      [binary("a", more), continuation("b", more), continuation("c")],
      ["binary 616263"],
    ],
    [
      "empty fragments",
      [text("", more), continuation("", more), continuation("a", more), continuation("")],
      ["text a"],
    ],
    ["a message of empty fragments", [text("", more), continuation("")], ["text "]],
    [
      "all of it in the last fragment",
      [binary("", more), continuation(counted(5))],
      [`binary ${toHex(counted(5))}`],
    ],
    [
      "control frames between fragments",
      [text("Hel", more), ping("p"), pong(), continuation("l", more), ping("q"), continuation("o")],
      ["ping 70", "pong ", "ping 71", "text Hello"],
    ],
    [
      "messages of both kinds in their order",
      [text("a"), binary("b"), text("c", more), continuation("d"), binary("e")],
      ["text a", "binary 62", "text cd", "binary 65"],
    ],
    [
      "control frames with payloads of their own",
      [ping("long one"), ping("short"), ping(), close(1000, "bye")],
      ["ping 6c6f6e67206f6e65", "ping 73686f7274", "ping ", "close 03e8627965"],
    ],
    ["a control frame of 125 bytes", [ping(counted(125))], [`ping ${toHex(counted(125))}`]],
    [
      "a character across fragments",
      [text(hex("e2"), more), continuation(hex("82"), more), continuation(hex("ac"))],
      ["text \u20AC"],
    ],
    [
      "a character across fragments with a ping inside",
      [text(hex("41 f0 9f"), more), ping("x"), continuation(hex("98 80 42"))],
      ["ping 78", "text A\u{1F600}B"],
    ],
    ["a byte order mark", [text("\uFEFFa")], ["text \uFEFFa"]],
    ["binary that is not UTF-8", [binary(hex("ff c0 80"))], ["binary ffc080"]],
    [
      "what is not UTF-8 in a fragmented binary message",
      [binary(hex("ff"), more), continuation(hex("c0"))],
      ["binary ffc0"],
    ],
  ])("passes on at all cuts: %s", (_, frames, lines) => {
    expectAtAllCuts(frames, lines);
  });

  it("unmasks what a client sends, at all cuts", () => {
    const frames = [
      text("Hello, w\u00F6rld \u{1F600}", masked),
      binary(counted(300), { ...masked, fin: false, key: [1, 2, 3, 4] }),
      ping("ping", masked),
      continuation(counted(7), { ...masked, key: [0xff, 0, 0x80, 0x7f] }),
    ];
    const lines = [
      "text Hello, w\u00F6rld \u{1F600}",
      "ping 70696e67",
      `binary ${toHex(counted(300))}${toHex(counted(7))}`,
    ];
    expectAtAllCuts(frames, lines, { state: StateServerSide });
  });

  it("gathers a long message from pieces of any size", () => {
    const payload = counted(70_000);
    const frames = concat([binary(payload.slice(0, 1), more), continuation(payload.slice(1))]);
    for (const step of [1023, 1024, 1025, 4000, 65_536]) {
      const count = Math.ceil(frames.length / step) - 1;
      const positions = Array.from({ length: count }, (_, index) => (index + 1) * step);
      expect(receive(cutAt(frames, positions)).lines).toEqual([`binary ${toHex(payload)}`]);
    }
  });
});

describe("MessageAssembler's order of frames", () => {
  it.each<[what: string, frames: Uint8Array[], code: string]>([
    ["a continuation of nothing", [continuation("a")], "CONTINUATION_UNEXPECTED"],
    [
      "another continuation",
      [text("", more), continuation(), continuation()],
      "CONTINUATION_UNEXPECTED",
    ],
    ["a text inside a message", [text("a", more), text("b")], "CONTINUATION_EXPECTED"],
    ["a binary inside a message", [text("a", more), ping(), binary("b")], "CONTINUATION_EXPECTED"],
    ["a reserved data opcode", [frame(3)], "OPCODE_RESERVED"],
    ["a reserved control opcode", [frame(11)], "OPCODE_RESERVED"],
    ["an RSV bit", [text("a", { rsv: 4 })], "RSV_NOT_ZERO"],
    ["a fragmented ping", [ping("a", more)], "CONTROL_NOT_FINAL"],
    ["a ping of 126 bytes", [ping(counted(126))], "CONTROL_TOO_LONG"],
    ["a masked frame to a client", [text("a", masked)], "MASK_UNEXPECTED"],
  ])("refuses at all cuts: %s", (_, frames, code) => {
    for (const pieces of cuts(concat(frames))) {
      const lines = receive(pieces).lines.filter((line) => !/^(text|ping)/.test(line));
      expect(lines).toEqual([code]);
    }
  });

  it("refuses an unmasked frame to a server, after a masked one", () => {
    const frames = [text("a", masked), text("b")];
    expectAtAllCuts(frames, ["text a", "MASK_REQUIRED"], { state: StateServerSide });
  });

  it("refuses a frame at its header, before its payload comes", () => {
    expect(receive([text("", { length: 100, rsv: 1 })]).lines).toEqual(["RSV_NOT_ZERO"]);
  });
});

describe("MessageAssembler's text", () => {
  it.each<[what: string, frames: Uint8Array[]]>([
    ["a bad byte", [text(hex("41 ff 42"))]],
    ["a surrogate", [text(hex("ed a0 80"))]],
    ["a text that ends inside a character", [text(hex("41 e2 82"))]],
    ["a message that does", [text(hex("41 e2"), more), continuation(hex("82"))]],
    ["a message that does, with an empty end", [text(hex("e2 82"), more), continuation()]],
    ["a character broken across fragments", [text(hex("e2"), more), continuation(hex("41"))]],
    ["a bad byte in a fragment", [text(hex("c0"), more), continuation("a")]],
  ])("refuses at all cuts: %s", (_, frames) => {
    expectAtAllCuts(frames, ["INVALID_UTF8"]);
  });

  it("fails at the first bad byte, before the frame is complete", () => {
    expect(receive([text(hex("41 ff"), { length: 100 })]).lines).toEqual(["INVALID_UTF8"]);
    expect(receive([text(hex("41 e2 82"), { length: 100 })]).lines).toEqual([]);
  });

  it("fails at the first bad byte, before the message is complete", () => {
    expect(receive([text(hex("41 ff"), more)]).lines).toEqual(["INVALID_UTF8"]);
    expect(receive([text(hex("41 e2 82"), more)]).lines).toEqual([]);
  });

  it("forgets half a character with its message", () => {
    const frames = [
      text("a", more),
      continuation("b"),
      text("\u20AC", more),
      continuation("\u20AC"),
      binary(hex("e2"), more),
      continuation(hex("82")),
      text("c", more),
      continuation("d"),
    ];
    expectAtAllCuts(frames, ["text ab", "text \u20AC\u20AC", "binary e282", "text cd"]);
  });
});

describe("MessageAssembler's limits", () => {
  it("take a frame of exactly maxFrameSize, and refuse a byte more at its header", () => {
    const setting = { limits: { maxFrameSize: 5 } };
    expectAtAllCuts(
      [binary("12345"), binary("1", more), continuation("12345")],
      ["binary 3132333435", "binary 313132333435"],
      setting,
    );
    expectAtAllCuts([binary("", { length: 6 })], ["FRAME_TOO_BIG 6"], setting);
    expectAtAllCuts(
      [binary("1", more), continuation("", { length: 6 })],
      ["FRAME_TOO_BIG 6"],
      setting,
    );
  });

  it("take a message of exactly maxMessageSize, and refuse a byte more at its header", () => {
    const setting = { limits: { maxMessageSize: 5 } };
    const whole = [binary("123", more), ping("x"), continuation("45"), text("12345")];
    expectAtAllCuts(whole, ["ping 78", "binary 3132333435", "text 12345"], setting);
    expectAtAllCuts([text("", { length: 6 })], ["MESSAGE_TOO_BIG 6"], setting);
    const pieces = [binary("123", more), continuation("", { length: 3 })];
    expectAtAllCuts(pieces, ["MESSAGE_TOO_BIG 6"], setting);
  });

  it("take maxFragments frames, and refuse one more", () => {
    const setting = { limits: { maxFragments: 3 } };
    const three = [text("a", more), continuation("", more), ping(), continuation("b")];
    expectAtAllCuts([...three, ...three], ["ping ", "text ab", "ping ", "text ab"], setting);
    const four = [text("a", more), continuation("", more), continuation("b", more), continuation()];
    expectAtAllCuts(four, ["TOO_MANY_FRAGMENTS 4"], setting);
  });

  it("do not hold for control frames", () => {
    const limits = { maxFrameSize: 1, maxMessageSize: 1, maxFragments: 1 };
    expectAtAllCuts(
      [ping("123"), ping("456"), text("a")],
      ["ping 313233", "ping 343536", "text a"],
      {
        limits,
      },
    );
  });

  it("answer too big with 1009, too many with 1008", () => {
    const statusOf = (limits: Partial<MessageLimits>): unknown => {
      const assembler = new MessageAssembler(new MessageTrace(), new MessageTrace(), {
        state: 0,
        ...none,
        ...limits,
      });
      try {
        return new FrameDecoder(assembler).feed(text("ab", more));
      } catch (error) {
        return error instanceof LimitError ? [error.status, error.limit] : error;
      }
    };
    expect(statusOf({ maxFrameSize: 1 })).toEqual([1009, 1]);
    expect(statusOf({ maxMessageSize: 1 })).toEqual([1009, 1]);
    expect(statusOf({ maxFragments: 0 })).toEqual([1008, 0]);
  });
});

describe("MessageAssembler's binary messages", () => {
  it("are not copied if they come whole", () => {
    const chunk = concat([binary("abc"), binary("", more), continuation("de")]);
    const { binaries } = receive([chunk]);
    expect(binaries.map(({ isOwned }) => isOwned)).toEqual([false, false]);
    expect(binaries.every(({ bytes }) => bytes === chunk)).toBe(true);
  });

  it("belong to the receiver when they come in pieces, without more room than they need", () => {
    const pieces = [
      ...cutAt(binary(counted(3000)), [2000]),
      ...cutAt(binary(counted(2000), more), [1500]),
      ...cutAt(continuation(counted(10)), [3]),
      binary(counted(5), more),
      continuation(""),
    ];
    const { binaries } = receive(pieces);
    expect(binaries.map(({ isOwned }) => isOwned)).toEqual([true, true, true]);
    expect(binaries.map(({ bytes }) => bytes.buffer.byteLength)).toEqual([3000, 2010, 5]);
    expect(binaries[0]!.bytes).toEqual(counted(3000));
    expect(binaries[1]!.bytes).toEqual(concat([counted(2000), counted(10)]));
  });

  it("take memory for what has come, not for what a header declares", () => {
    const chunk = binary("ab", { length: 2 ** 40 });
    expect(receive(cutAt(chunk, [11])).lines).toEqual([]);
  });
});

/** A trace whose pieces of one message are one line, however they were cut: "begin text", "piece 4865", "end". */
function receiveStreamed(
  pieces: readonly Uint8Array[],
  limits: Partial<MessageLimits> = {},
): string[] {
  const trace = new MessageTrace();
  const assembler = new MessageAssembler(trace, trace, {
    state: StateClientSide,
    ...none,
    ...limits,
  });
  assembler.setStreaming(true);
  const decoder = new FrameDecoder(assembler);
  try {
    for (const piece of pieces) {
      decoder.feed(piece);
      piece.fill(0xdb);
    }
  } catch (error) {
    trace.lines.push((error as ProtocolError).code);
  }
  const lines: string[] = [];
  for (const line of trace.lines) {
    const last = lines.at(-1);
    if (line.startsWith("piece") && last?.startsWith("piece") === true) {
      lines[lines.length - 1] = last + line.slice("piece ".length);
    } else lines.push(line);
  }
  return lines;
}

describe("MessageAssembler.setStreaming()", () => {
  const wire = [
    text("H\u00E9", more),
    continuation("", more),
    continuation("llo"),
    binary(Uint8Array.of(1, 2)),
    text(),
    binary("a", more),
    continuation(),
  ];

  it("passes messages on piece by piece, wherever they are cut", () => {
    for (const pieces of cuts(concat(wire))) {
      expect(receiveStreamed(pieces)).toEqual([
        "begin text",
        `piece ${toHex(encodeUtf8("H\u00E9llo"))}`,
        "end",
        "begin binary",
        "piece 0102",
        "end",
        "begin text",
        "end",
        "begin binary",
        "piece 61",
        "end",
      ]);
    }
  });

  it("reports control frames in between", () => {
    expect(receiveStreamed([text("a", more), ping("p"), continuation("b")])).toEqual([
      "begin text",
      "piece 61",
      "ping 70",
      "piece 62",
      "end",
    ]);
  });

  it("fails text at its first bad byte, before that is passed on", () => {
    expect(receiveStreamed([text("ok", more), continuation(Uint8Array.of(0x61, 0xff))])).toEqual([
      "begin text",
      "piece 6f6b",
      "INVALID_UTF8",
    ]);
  });

  it("fails text that ends inside a character, at its end", () => {
    expect(receiveStreamed([text(Uint8Array.of(0xc3), more), continuation()])).toEqual([
      "begin text",
      "piece c3",
      "INVALID_UTF8",
    ]);
  });

  it("counts against the limits", () => {
    const lines = ["begin binary", "piece 616161", "MESSAGE_TOO_BIG"];
    const frames = [binary("aaa", more), continuation("bbb")];
    expect(receiveStreamed(frames, { maxMessageSize: 5 })).toEqual(lines);
  });

  it("takes over the message under way, from its beginning, and stops at the next one", () => {
    const whole = concat([text("Hello", more), continuation(" world"), text("next")]);
    for (let at = 1; at < whole.length; at++) {
      const trace = new MessageTrace();
      const assembler = new MessageAssembler(trace, trace, { state: StateClientSide, ...none });
      const decoder = new FrameDecoder(assembler);
      decoder.feed(whole, 0, at);
      assembler.setStreaming(true);
      assembler.setStreaming(true);
      decoder.feed(whole, at, at + 1);
      assembler.setStreaming(false);
      decoder.feed(whole, at + 1);
      const texts = trace.lines.filter((line) => line.startsWith("text"));
      const pieces = trace.lines.filter((line) => line.startsWith("piece"));
      const streamed = pieces.map((line) => line.slice("piece ".length)).join("");
      const words = [...texts.map((line) => line.slice("text ".length))];
      // Each message is told of once: whole or in pieces, with all of its bytes.
      if (streamed !== "") words.push(new TextDecoder().decode(hex(streamed)));
      expect(words.sort(), `at ${at}`).toEqual(["Hello world", "next"]);
      expect(trace.lines.filter((line) => line === "begin text")).toHaveLength(
        streamed === "" ? 0 : 1,
      );
    }
  });

  it("begins nothing where no message is under way", () => {
    const trace = new MessageTrace();
    const assembler = new MessageAssembler(trace, trace, { state: StateClientSide, ...none });
    const decoder = new FrameDecoder(assembler);
    decoder.feed(text("whole"));
    assembler.setStreaming(true);
    assembler.setStreaming(false);
    decoder.feed(text("again"));
    expect(trace.lines).toEqual(["text whole", "text again"]);
  });
});
