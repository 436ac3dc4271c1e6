import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { latin1 } from "../../src/bytes.ts";
import {
  dataOf,
  decodeEnvelope,
  encodeEnvelope,
  type Envelope,
} from "../../src/connection/backplane/envelope.ts";
import { OpBinary, OpText } from "../../src/frame/opcode.ts";

const parameters = { seed: 25, numRuns: 500 };

const envelopes: fc.Arbitrary<Envelope> = fc.record({
  node: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((id) => latin1(id, 0, 16)),
  series: fc.nat(2 ** 32 - 1),
  sequence: fc.oneof(
    fc.integer({ min: 1, max: 1000 }),
    fc.maxSafeNat().map((n) => n || 1),
  ),
  opcode: fc.constantFrom(OpText, OpBinary),
  compress: fc.boolean(),
  payload: fc.uint8Array({ maxLength: 300 }),
});

describe("envelopes", () => {
  it("are the same when they are opened again", () => {
    fc.assert(
      fc.property(envelopes, (envelope) => {
        expect(decodeEnvelope(encodeEnvelope(envelope))).toEqual(envelope);
      }),
      parameters,
    );
  });

  it("have exactly one encoding for each that can be opened", () => {
    const at = fc.nat(40);
    fc.assert(
      fc.property(envelopes, at, fc.nat(255), (envelope, at, byte) => {
        const bytes = encodeEnvelope(envelope);
        bytes[at % bytes.length] = byte;
        const opened = decodeEnvelope(bytes);
        if (typeof opened !== "string") expect(encodeEnvelope(opened)).toEqual(bytes);
      }),
      parameters,
    );
  });

  it("never throw, whatever bytes are opened", () => {
    const starts = fc.constantFrom([], [0x46, 0x57], [0x46, 0x57, 1], [0x46, 0x57, 1, 1]);
    fc.assert(
      fc.property(starts, fc.uint8Array({ maxLength: 60 }), (start, rest) => {
        const opened = decodeEnvelope(Uint8Array.from([...start, ...rest]));
        if (typeof opened !== "string") dataOf(opened);
      }),
      parameters,
    );
  });
});
