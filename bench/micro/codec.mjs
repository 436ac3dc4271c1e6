/**
 * What the parts of the codec take, in nanoseconds, beside other ways to do the same: masking, UTF-8, headers, the
 * decoder, the accept key. `node bench/micro/codec.mjs '{"rounds": 5, "milliseconds": 30}'`, and the same with
 * `deno run -A` and `bun`, prints `[{ "row": ..., "peers": { "framewire": [...], ... } }]`, a figure for each round; the
 * package must be built.
 */

import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import {
  checkHeader,
  cipher,
  decodeHeader,
  decodeUtf8,
  encodeHeader,
  FrameDecoder,
  newHeader,
  OpBinary,
  StateServerSide,
  Utf8Validator,
} from "framewire/frame";
import { acceptKey } from "framewire/handshake";
import { measure } from "./measure.mjs";

const require = createRequire(import.meta.url);
// Bun has a `ws` of its own; what is compared with is npm's, on the runtime that it is made for.
const isNode = globalThis.Bun === undefined && globalThis.Deno === undefined;

/** Where results go, so that nothing is left out as useless. */
let sink = 0;

const key = 0x1b2c3d4e;
const keyBytes = Uint8Array.of(0x4e, 0x3d, 0x2c, 0x1b);

/** As `ws` does it without native code. */
function cipherBytes(bytes) {
  for (let i = 0; i < bytes.length; i++) bytes[i] ^= keyBytes[i & 3];
}

function nativeUnmask() {
  const { unmask } = require("bufferutil");
  if (!String(unmask).includes("[native code]")) throw new Error("no native code");
  return unmask;
}

function masking(size) {
  const bytes = Buffer.alloc(size, 7);
  const mask = Buffer.from(keyBytes);
  const peers = {
    framewire: () => void cipher(bytes, key),
    "byte by byte": () => void cipherBytes(bytes),
  };
  if (isNode) {
    const unmask = nativeUnmask();
    peers.bufferutil = () => void unmask(bytes, mask);
  }
  return peers;
}

const texts = {
  ASCII: "The quick brown fox jumps over the lazy dog. ",
  mixed: "Größe, 東京, 5 € und 🙂 ",
};

function textOf(kind, size) {
  const bytes = new Uint8Array(size).fill(32);
  new TextEncoder().encodeInto(texts[kind].repeat(size), bytes);
  return bytes;
}

function decodingText(kind, size) {
  const bytes = textOf(kind, size);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return {
    framewire: () => void (sink += decodeUtf8(bytes, 0, size).length),
    TextDecoder: () => void (sink += decoder.decode(bytes).length),
  };
}

function validatingText(kind, size) {
  const bytes = textOf(kind, size);
  const validator = new Utf8Validator();
  return {
    framewire() {
      sink += validator.write(bytes) && validator.isComplete ? 1 : 0;
    },
    "node:buffer isUtf8": () => void (sink += isUtf8(bytes) ? 1 : 0),
  };
}

/** A masked frame. */
function frame(size) {
  const length = size < 126 ? [0x80 | size] : [0x80 | 126, size >> 8, size & 255];
  return Buffer.concat([Buffer.from([0x82, ...length, ...keyBytes]), Buffer.alloc(size, 7)]);
}

function decodingHeader(size) {
  const bytes = new Uint8Array(frame(size));
  const header = newHeader();
  return {
    framewire() {
      sink += decodeHeader(header, bytes, 0, bytes.length) + header.length;
    },
  };
}

function encodingHeader(size) {
  const header = newHeader(OpBinary, size);
  const out = new Uint8Array(16);
  const peers = { framewire: () => void (sink += encodeHeader(header, out, 0)) };
  if (isNode) {
    const { Sender } = require("ws");
    const payload = Buffer.alloc(size, 7);
    const options = { fin: true, rsv1: false, opcode: 2, mask: false, readOnly: false };
    peers["ws's Sender"] = () => void (sink += Sender.frame(payload, options).length);
  }
  return peers;
}

/** A chunk of frames; what is unmasked in place is masked again by the next turn. */
function decodingFrames(count, size) {
  const chunk = new Uint8Array(Buffer.concat(Array(count).fill(frame(size))));
  const decoder = new FrameDecoder({
    frameHeader: (header) => checkHeader(header, StateServerSide),
    framePayload(bytes, start, end) {
      sink += end - start;
    },
    frameEnd() {},
  });
  const peers = { framewire: () => void decoder.feed(chunk) };
  if (isNode) {
    const { Receiver } = require("ws");
    const receiver = new Receiver({ isServer: true });
    receiver.on("message", (data) => void (sink += data.length));
    const buffer = Buffer.from(chunk);
    peers["ws's Receiver"] = () => void receiver.write(buffer);
  }
  return peers;
}

function accepting() {
  const nonce = "dGhlIHNhbXBsZSBub25jZQ==";
  const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  return {
    framewire: () => void (sink += acceptKey(nonce).length),
    "node:crypto": () =>
      void (sink += createHash("sha1")
        .update(nonce + guid)
        .digest("base64").length),
  };
}

/** As {@link measure} takes them. */
const cases = [
  ["mask 16 B", () => masking(16)],
  ["mask 1 KiB", () => masking(1024)],
  ["mask 64 KiB", () => masking(65_536)],
  ["decode text, 16 B ASCII", () => decodingText("ASCII", 16)],
  ["decode text, 128 B ASCII", () => decodingText("ASCII", 128)],
  ["decode text, 128 B mixed", () => decodingText("mixed", 128)],
  ["validate text, 4 KiB mixed", () => validatingText("mixed", 4096)],
  ["decode a header, 16 B", () => decodingHeader(16)],
  ["encode a header, 16 B", () => encodingHeader(16)],
  ["decode a frame, 16 B, 64 a chunk", () => decodingFrames(64, 16), 64],
  ["decode a frame, 1 KiB, 16 a chunk", () => decodingFrames(16, 1024), 16],
  ["accept key", () => accepting()],
];

await measure(cases);
if (sink < 0) throw new Error("never");
