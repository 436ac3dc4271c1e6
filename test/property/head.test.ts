import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.ts";
import { HandshakeError, LimitError } from "../../src/errors.ts";
import {
  checkRequest,
  checkUpgrade,
  offeredProtocols,
} from "../../src/handshake/server/request.ts";
import { type HeadKind, type HeadLimits, HeadParser } from "../../src/http/parser.ts";
import { writeResponse } from "../../src/http/write.ts";
import { cutAt } from "../support/cuts.ts";
import { toHex } from "../support/frames.ts";

const parameters = { seed: 9112, numRuns: 500 };
const limits: HeadLimits = { maxHeadSize: 200, maxTargetSize: 20, maxHeaders: 4 };

/** Pieces that heads are made of, right and wrong. */
const parts = fc.constantFrom(
  ...[
    "GET",
    "POST",
    " ",
    "/",
    "/chat?x=1",
    "*",
    "http://a",
    " HTTP/1.1",
    "HTTP/1.0 ",
    "200 OK",
    "\r\n",
  ],
  ...[
    "\r\n",
    "\r",
    "\n",
    "Host: a\r\n",
    "Upgrade: websocket\r\n",
    "Connection: Upgrade\r\n",
    ":",
    "\t",
  ],
  ...[
    "Sec-WebSocket-Protocol: a, b\r\n",
    "Sec-WebSocket-Version: 13\r\n",
    "A:b",
    "\0",
    "\xe9",
    "x",
  ],
  ...["GET / HTTP/1.1\r\n", "\r\n\r\n", "Content-Length: 0\r\n", "HTTP/1.1 200\r\n"],
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
);
const texts = fc
  .array(parts, { maxLength: 14 })
  .map((list) => Uint8Array.from(list.join(""), (character) => character.charCodeAt(0)));
const streams = fc.oneof(
  texts,
  fc.uint8Array({ maxLength: 60 }),
  fc.tuple(texts, fc.uint8Array({ maxLength: 10 })).map(concat),
);
const kinds = fc.constantFrom<HeadKind>("request", "response");

/** What a parser and the checks of a handshake make of a head. */
function outcome(pieces: readonly Uint8Array[], kind: HeadKind, start = 0, end?: number): unknown {
  const parser = new HeadParser(kind, limits);
  const lines: unknown[] = [];
  let taken = 0;
  try {
    for (const piece of pieces) taken += parser.feed(piece, start, end) - start;
    lines.push(taken, parser.isComplete);
    if (!parser.isComplete) return lines;
    const { head } = parser;
    lines.push(head.size, head.major, head.minor, head.status, head.reason, [...head.entries()]);
    if (kind === "response") return lines;
    lines.push(head.method, head.target);
    checkRequest(head);
    lines.push("request", head.target);
    checkUpgrade(head);
    lines.push("upgrade", offeredProtocols(head));
    return lines;
  } catch (error) {
    if (error instanceof HandshakeError) return [...lines, error.code, error.message];
    if (error instanceof LimitError) return [...lines, error.code, error.limit];
    throw error;
  }
}

describe("HeadParser", () => {
  it("gives the same result under every cut, and throws nothing but its own errors", () => {
    fc.assert(
      fc.property(streams, fc.array(fc.nat(), { maxLength: 12 }), kinds, (bytes, cuts, kind) => {
        const positions = cuts.map((at) => at % (bytes.length + 1)).sort((a, b) => a - b);
        const whole = outcome([bytes], kind);
        expect(outcome(cutAt(bytes, positions), kind)).toEqual(whole);
        expect(
          outcome(
            Array.from(bytes, (byte) => Uint8Array.of(byte)),
            kind,
          ),
        ).toEqual(whole);
      }),
      parameters,
    );
  });

  it("reads nothing outside its range", () => {
    fc.assert(
      fc.property(
        streams,
        kinds,
        fc.constantFrom(0x0a, 0x0d, 0x20, 0x41, 0xff),
        (bytes, kind, other) => {
          const padded = new Uint8Array(bytes.length + 10).fill(other);
          padded.set(bytes, 5);
          expect(outcome([padded], kind, 5, 5 + bytes.length)).toEqual(outcome([bytes], kind));
        },
      ),
      parameters,
    );
  });
});

function textOf(pattern: RegExp, alphabet: string, minLength: number): fc.Arbitrary<string> {
  const unit = fc.constantFrom(...alphabet);
  return fc.string({ unit, minLength, maxLength: 20 }).filter((text) => pattern.test(text));
}

describe("writeResponse()", () => {
  it("writes heads that parse back, whatever the headers and the body", () => {
    const names = textOf(/./, "abzABZ019!#$%&'*+-.^_`|~", 1);
    const values = textOf(/^(?![ \t]).*(?<![ \t])$/, 'ab:,; \t"()\u00E9\u00FF', 0);
    const header = fc.tuple(names, values);
    const bodies = fc.uint8Array({ maxLength: 30 });
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 599 }),
        fc.array(header, { maxLength: 8 }),
        bodies,
        (status, headers, body) => {
          const bytes = writeResponse(status, headers, body);
          const parser = new HeadParser("response");
          const end = parser.feed(bytes);
          expect(parser.isComplete).toBe(true);
          expect(parser.head.status).toBe(status);
          expect([...parser.head.entries()]).toEqual(headers);
          expect(toHex(bytes, end)).toBe(toHex(body));
        },
      ),
      parameters,
    );
  });

  it("writes nothing that splits a head, whatever it is given", () => {
    const anything = fc.string({
      unit: fc.constantFrom("a", ":", " ", "\r", "\n", "\0", "\u010D\u010A"),
      maxLength: 6,
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(anything, anything), { maxLength: 3 }), (headers) => {
        let bytes: Uint8Array;
        try {
          bytes = writeResponse(200, headers, new Uint8Array(0));
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
          return;
        }
        const parser = new HeadParser("response");
        expect(parser.feed(bytes)).toBe(bytes.length);
        expect(parser.head.headerCount).toBe(headers.length);
      }),
      { ...parameters, numRuns: 2000 },
    );
  });
});
