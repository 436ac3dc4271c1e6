import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.ts";
import { Endpoint } from "../../src/endpoint/endpoint.ts";
import { ProtocolError } from "../../src/errors.ts";
import { cipher } from "../../src/frame/cipher.ts";
import { newCloseFrameBody, parseCloseFrameData } from "../../src/frame/close.ts";
import { FrameDecoder } from "../../src/frame/decoder.ts";
import { decodeHeader, encodeHeader, headerSize, newHeader } from "../../src/frame/header.ts";
import { cutAt } from "../support/cuts.ts";
import { frame, maskKeyOf, naiveMask, toHex } from "../support/frames.ts";
import { EventTrace, FrameTrace } from "../support/trace.ts";

const parameters = { seed: 6455, numRuns: 500 };

const borders = [125, 126, 65_535, 65_536, 2 ** 31, 2 ** 32, 2 ** 53 - 1];
const lengths = fc.oneof(fc.maxSafeNat(), fc.nat(200), fc.constantFrom(...borders));
const key = fc.tuple(...[0, 1, 2, 3].map(() => fc.nat(255)));
const headers = fc.record({
  fin: fc.boolean(),
  rsv: fc.nat(7),
  opcode: fc.nat(15),
  masked: fc.boolean(),
  maskKey: fc.integer(),
  length: lengths,
});
const payloads = fc.uint8Array({ maxLength: 400 });

/** Frames that may come, legal or not, as bytes. */
const wires = fc
  .array(
    fc
      .tuple(
        fc.constantFrom(0, 1, 2, 8, 9, 10, 3, 15),
        payloads,
        fc.record({
          fin: fc.boolean(),
          rsv: fc.constantFrom(0, 0, 0, 4),
          masked: fc.boolean(),
          key,
          lengthForm: fc.constantFrom(2 as const, 8 as const),
        }),
        fc.boolean(),
      )
      .map(([opcode, payload, { lengthForm, ...shape }, isLong]) =>
        frame(opcode, payload, isLong ? { ...shape, lengthForm } : shape),
      ),
    { maxLength: 6 },
  )
  .map(concat);

/** Bytes that are frames, that are anything, and that are frames up to some byte. */
const streams = fc.oneof(
  wires,
  fc.uint8Array({ maxLength: 200 }),
  fc.tuple(wires, fc.uint8Array({ maxLength: 20 })).map(concat),
);

/** Bytes with positions to cut them at. */
const cutStreams = fc
  .tuple(streams, fc.array(fc.nat(), { maxLength: 12 }))
  .map(([bytes, cuts]) => ({
    bytes,
    positions: cuts.map((at) => at % (bytes.length + 1)).sort((a, b) => a - b),
  }));

function decode(pieces: readonly Uint8Array[], strictLength: boolean): string[] {
  const trace = new FrameTrace();
  const decoder = new FrameDecoder(trace, { strictLength });
  try {
    for (const piece of pieces) decoder.feed(piece);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    trace.lines.push(error.code);
  }
  return trace.lines;
}

describe("decodeHeader() and encodeHeader()", () => {
  it("are each other's inverse", () => {
    fc.assert(
      fc.property(headers, fc.nat(20), (given, at) => {
        const header = { ...given, maskKey: given.masked ? given.maskKey : 0 };
        const bytes = new Uint8Array(at + 14);
        const size = encodeHeader(header, bytes, at);
        const decoded = newHeader();
        expect(decodeHeader(decoded, bytes, at, bytes.length)).toBe(size);
        expect([decoded, headerSize(decoded)]).toEqual([header, size]);
      }),
      parameters,
    );
  });
});

describe("decodeHeader()", () => {
  it("throws nothing but a ProtocolError, and reads nothing at or behind its end", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 16 }),
        fc.nat(16),
        fc.nat(255),
        (bytes, cut, other) => {
          const end = Math.min(cut, bytes.length);
          const outcome = (chunk: Uint8Array): unknown => {
            const header = newHeader();
            try {
              return [decodeHeader(header, chunk, 0, end), header];
            } catch (error) {
              return error instanceof ProtocolError ? error.code : error;
            }
          };
          const filled = bytes.slice().fill(other, end);
          expect(outcome(filled)).toEqual(outcome(bytes));
          expect(outcome(bytes)).not.toBeInstanceOf(Error);
        },
      ),
      parameters,
    );
  });
});

describe("cipher()", () => {
  it("agrees with the RFC's definition, and undoes itself", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), key, fc.nat(), (payload, bytes, offset) => {
        const masked = payload.slice();
        cipher(masked, maskKeyOf(bytes), offset);
        expect(toHex(masked)).toBe(toHex(naiveMask(payload, bytes, offset)));
        cipher(masked, maskKeyOf(bytes), offset);
        expect(toHex(masked)).toBe(toHex(payload));
      }),
      parameters,
    );
  });
});

describe("FrameDecoder", () => {
  it("gives the same trace under every chunking, and throws nothing but a ProtocolError", () => {
    fc.assert(
      fc.property(cutStreams, fc.boolean(), ({ bytes, positions }, strictLength) => {
        const whole = decode([bytes.slice()], strictLength);
        expect(decode(cutAt(bytes, positions), strictLength)).toEqual(whole);
        expect(
          decode(
            Array.from(bytes, (byte) => Uint8Array.of(byte)),
            strictLength,
          ),
        ).toEqual(whole);
      }),
      parameters,
    );
  });

  it("reads and changes nothing outside its range", () => {
    fc.assert(
      fc.property(streams, fc.nat(255), (bytes, other) => {
        const padded = new Uint8Array(bytes.length + 20).fill(other);
        padded.set(bytes, 5);
        const trace = new FrameTrace();
        const lines = decode([bytes.slice()], false);
        try {
          new FrameDecoder(trace).feed(padded, 5, 5 + bytes.length);
        } catch (error) {
          trace.lines.push((error as ProtocolError).code);
        }
        expect(trace.lines).toEqual(lines);
        const around = [...padded.subarray(0, 5), ...padded.subarray(5 + bytes.length)];
        expect(around.every((byte) => byte === other)).toBe(true);
      }),
      parameters,
    );
  });
});

describe("Endpoint.receive()", () => {
  it("never throws, and tells and answers the same under every chunking", () => {
    const receive = (pieces: readonly Uint8Array[]): unknown => {
      const trace = new EventTrace();
      const options = { maxFrameSize: 300, maxMessageSize: 500, maxFragments: 3 };
      const endpoint = new Endpoint("server", trace, options);
      for (const piece of pieces) {
        if (endpoint.receive(piece) !== piece.length) trace.lines.push("left bytes");
      }
      const sent = endpoint.output.take();
      return [trace.lines, sent && toHex(sent), endpoint.state, endpoint.closure];
    };
    fc.assert(
      fc.property(cutStreams, ({ bytes, positions }) => {
        const whole = receive([bytes.slice()]);
        expect(receive(cutAt(bytes, positions))).toEqual(whole);
        expect(receive(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(whole);
      }),
      parameters,
    );
  });
});

describe("parseCloseFrameData() and newCloseFrameBody()", () => {
  it("are each other's inverse, for reasons that fit", () => {
    const reasons = fc.string({ unit: "grapheme", maxLength: 160 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 65_535 }), reasons, (status, reason) => {
        const body = newCloseFrameBody(status, reason);
        const parsed = parseCloseFrameData(body);
        expect(parsed.status).toBe(status);
        expect(body.length).toBeLessThanOrEqual(125);
        const whole = new TextEncoder().encode(reason).length;
        if (whole <= 123) expect(parsed.reason).toBe(reason);
        else expect(reason.startsWith(parsed.reason) && body.length > 125 - 4).toBe(true);
      }),
      parameters,
    );
  });
});
