/**
 * Short texts with and without the runtime's coders: where TextDecoder pays (`decoderPaysFrom` of src/frame/utf8.ts)
 * and where encodeInto does (`shortText` of src/endpoint/output.ts). Run it with node, `deno run -A` or bun.
 */

import { bench, do_not_optimize, run, summary } from "mitata";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const target = new Uint8Array(1024);

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

for (const size of [4, 8, 16, 24, 32, 48, 64, 128]) {
  const text = "framewire ".repeat(13).slice(0, size);
  const chunk = encoder.encode(`ab${text}`);
  summary(() => {
    bench(`decode ${size} B, joined`, () => do_not_optimize(joinCharacters(chunk, 2, 2 + size)));
    bench(`decode ${size} B, TextDecoder`, () =>
      do_not_optimize(decoder.decode(chunk.subarray(2, 2 + size))),
    );
  });
  summary(() => {
    bench(`encode ${size} B, by unit`, () => do_not_optimize(writeUnits(text, 2)));
    bench(`encode ${size} B, encodeInto`, () =>
      do_not_optimize(encoder.encodeInto(text, target.subarray(2)).written),
    );
  });
}

await run();
