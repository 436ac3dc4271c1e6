import type { Kit } from "../case-kit.ts";

/** One thing that the standard says, and a program that shows it. */
export interface Case {
  /** What holds. */
  readonly name: string;
  /** Gives something that JSON can say. */
  run(kit: Kit): unknown;
  readonly expected: unknown;
}
