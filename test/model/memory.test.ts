import process from "node:process";
import { describe, expect, it } from "vitest";
import { asked, check, seconds } from "./check.ts";
import { memoryNet } from "./net.ts";
import { profiles } from "./profiles.ts";

/*
 * A connection in memory, and all that a user and a peer can do on it, by chance: what each side receives, and how it
 * ends, is what the model says. What is generated is in actions.ts, setup.ts and profiles.ts; what is done, in perform.ts,
 * side.ts, sending.ts and reading.ts; what must hold, in rules.ts and delivery.ts; run.ts plays a scenario, check.ts many.
 */

const all = asked(profiles);

describe("a connection in memory", () => {
  it.each(all.map((profile) => [profile.name, profile] as const))(
    "keeps to the model: %s",
    async (name, profile) => {
      const { runs: most = 50 } = profile;
      const runs = await check(profile, { netFor: memoryNet, runs: most, share: 1 / all.length });
      if (seconds > 0) process.stdout.write(`${name}: ${runs} scenarios\n`);
      expect(runs).toBeGreaterThan(0);
    },
    seconds * 1000 + 60_000,
  );
});
