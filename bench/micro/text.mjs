/**
 * Short texts with and without the runtime's coders: where a decoder pays (`decoderPaysFrom` of src/frame/utf8.ts) and
 * where an encoder does (`shortText` of src/endpoint/write-buffer.ts), the Web's or Buffer's (adapters/buffer-text.ts). Run it
 * with node, `deno run -A` or bun.
 */

import { Buffer } from "node:buffer";
import { bench, do_not_optimize, run, summary } from "mitata";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const target = new Uint8Array(1024);
const { utf8Slice, utf8Write } = Buffer.prototype;

function sliceText(bytes, start, end) {
  const text = utf8Slice.call(bytes, start, end);
  return text.includes("\uFFFD") ? undefined : text;
}

function joinCharacters(bytes, start, end) {
  let text = "";
  for (let at = start; at < end; at++) {
    if (bytes[at] >= 0x80) return undefined;
    text += String.fromCharCode(bytes[at]);
  }
  return text;
}

function writeUnits(text, at) {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return -1;
    target[at + i] = unit;
  }
  return text.length;
}

for (const size of [4, 8, 16, 24, 32, 48, 64, 128, 1000]) {
  const text = "framewire ".repeat(100).slice(0, size);
  const chunk = encoder.encode(`ab${text}`);
  summary(() => {
    bench(`decode ${size} B, joined`, () => do_not_optimize(joinCharacters(chunk, 2, 2 + size)));
    bench(`decode ${size} B, TextDecoder`, () =>
      do_not_optimize(decoder.decode(chunk.subarray(2, 2 + size))));
    bench(`decode ${size} B, utf8Slice`, () => do_not_optimize(sliceText(chunk, 2, 2 + size)));
  });
  summary(() => {
    bench(`encode ${size} B, by unit`, () => do_not_optimize(writeUnits(text, 2)));
    bench(`encode ${size} B, encodeInto`, () =>
      do_not_optimize(encoder.encodeInto(text, target.subarray(2)).written));
    bench(`encode ${size} B, utf8Write`, () =>
      do_not_optimize(utf8Write.call(target, text, 2, target.length - 2)));
  });
}

await run();
