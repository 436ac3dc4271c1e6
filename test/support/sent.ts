import { concat } from "../../src/bytes.ts";
import type { WriteBuffer } from "../../src/endpoint/write-buffer.ts";
import type { Pending } from "../../src/endpoint/queued.ts";
import { FrameDecoder } from "../../src/frame/decoder.ts";
import { FrameTrace } from "./trace.ts";

/** Takes all that waits in an output, write by write. */
export function drain(output: WriteBuffer): Uint8Array[] {
  const writes: Uint8Array[] = [];
  for (let bytes = output.take(); bytes !== undefined; bytes = output.take()) {
    writes.push(bytes.slice());
    output.giveBack();
  }
  return writes;
}

/** The frames in bytes, one a line, whatever their masks: "text fin 0 6162", "continuation more 2 63". */
export function frameLines(bytes: Uint8Array): string[] {
  const trace = new FrameTrace();
  new FrameDecoder(trace).feed(bytes.slice());
  const lines: string[] = [];
  for (const line of trace.lines) {
    const header = /^(\w+) (fin|more) rsv (\d)/.exec(line);
    if (header !== null) lines.push(`${header[1]} ${header[2]} ${header[3]}`);
    else if (line !== "end") lines[lines.length - 1] += ` ${line}`;
  }
  return lines;
}

/** Takes all that waits, as {@link frameLines}. */
export function sentFrames({ output }: { readonly output: WriteBuffer }): string[] {
  return frameLines(concat(drain(output)));
}

/** Writes down what becomes of something that waits: "name sent", "name dropped", "name dropped Error: why". */
export function listen(pending: Pending | undefined, name: string, told: string[]): void {
  if (pending === undefined) throw new Error(`${name} does not wait`);
  pending.listener = {
    onSent() {
      told.push(`${name} sent`);
    },
    onDropped(reason) {
      told.push(reason === undefined ? `${name} dropped` : `${name} dropped ${String(reason)}`);
    },
  };
}
