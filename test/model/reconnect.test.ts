import fc from "fast-check";
import { describe, it } from "vitest";
import { reconnectScenario, runReconnecting } from "./reconnect.ts";
import { seconds, seedOf } from "./check.ts";

/* The model of a client that stays connected: reconnect.ts. */

describe("reconnecting", () => {
  it(
    "keeps to the model",
    async () => {
      await fc.assert(
        fc.asyncProperty(reconnectScenario, async (scenario) => {
          const findings = await runReconnecting(scenario);
          if (findings.length > 0) throw new Error(findings.join("\n"));
        }),
        {
          seed: seedOf(),
          numRuns: seconds > 0 ? 2 ** 31 - 1 : 40,
          ...(seconds > 0 && { interruptAfterTimeLimit: seconds * 1000 }),
        },
      );
    },
    seconds * 1000 + 60_000,
  );
});
