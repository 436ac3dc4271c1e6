import type { serve } from "../../adapters/node.ts";
import type { Connect, Listen } from "../../src/transport.ts";
import { runtime } from "./runtime.ts";

/** The adapter of the runtime that runs the test. */
export const adapter = (await import(`../../adapters/${runtime}.ts`)) as {
  readonly serve: typeof serve;
  readonly listen: Listen;
  readonly connect: Connect;
};
