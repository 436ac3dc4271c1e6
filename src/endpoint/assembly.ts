/**
 * Decoders and assemblers that are lent to connections: an idle connection needs neither, and together they would be the largest
 * part of its memory.
 *
 * Theory of operation. A receiver borrows a pair when a chunk comes. It returns the pair when the chunk ends between two messages,
 * as nearly every chunk does, and otherwise keeps it until a later chunk does. A pair that has failed is never returned.
 *
 * @module
 */

import { FrameDecoder } from "../frame/decoder.ts";
import type { MessageEvents } from "./endpoint-events.ts";
import { type AssemblerOwner, type AssemblerSettings, MessageAssembler } from "./message.ts";
import type { Traffic } from "./traffic.ts";

/** A decoder, and the assembler that gets its frames. */
export class Assembly {
  readonly assembler: MessageAssembler;
  readonly decoder: FrameDecoder;
  readonly strictLength: boolean;

  constructor(assembler: MessageAssembler, strictLength: boolean) {
    this.assembler = assembler;
    this.decoder = new FrameDecoder(assembler, { strictLength });
    this.strictLength = strictLength;
  }

  /** Whether no frame and no message is under way. */
  get isAtRest(): boolean {
    return this.decoder.isBetweenFrames && !this.assembler.isInMessage;
  }
}

/** Pairs of each kind that are kept for their next use, at most. One is enough unless chunks are handled inside each other. */
const mostKept = 16;

const lenient: Assembly[] = [];
const strict: Assembly[] = [];

/** Lends a pair for a connection without extensions. */
export function borrowAssembly(
  events: MessageEvents,
  owner: AssemblerOwner,
  settings: AssemblerSettings & { readonly strictLength: boolean },
  traffic: Traffic,
): Assembly {
  const { strictLength } = settings;
  const kept = (strictLength ? strict : lenient).pop();
  if (kept !== undefined) {
    kept.assembler.join(events, owner, settings, traffic);
    return kept;
  }
  const assembler = new MessageAssembler(events, owner, settings, undefined, traffic);
  return new Assembly(assembler, strictLength);
}

/** Takes a pair back that is at rest. It keeps nothing of its connection. */
export function returnAssembly(assembly: Assembly): void {
  assembly.assembler.leave();
  const shelf = assembly.strictLength ? strict : lenient;
  if (shelf.length < mostKept) shelf.push(assembly);
}
