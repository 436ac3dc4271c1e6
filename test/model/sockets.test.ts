import process from "node:process";
import { describe, expect, it } from "vitest";
import { runtime } from "../support/runtime.ts";
import { asked, check, seconds } from "./check.ts";
import { socketProfiles } from "./profiles.ts";
import { http2Net, socketNet } from "./socket-net.ts";

/* The model of memory.test.ts, over real sockets and over HTTP/2: fewer scenarios, many of them side by side. */

const nets = [
  ["a socket", socketNet, 120],
  ["a stream of HTTP/2", http2Net, 40],
] as const;

const profiles = asked(socketProfiles);

describe.each(nets)(`a connection over %s, on ${runtime}`, (_, netFor, all) => {
  it.each(profiles.map((profile) => [profile.name, profile] as const))(
    "keeps to the model: %s",
    async (name, profile) => {
      const share = 1 / profiles.length / nets.length;
      const each = Math.ceil(all / socketProfiles.length);
      const runs = await check(profile, { netFor, runs: each, share, atOnce: 10 });
      if (seconds > 0) process.stdout.write(`${name}: ${runs} scenarios\n`);
      expect(runs).toBeGreaterThan(0);
    },
    seconds * 1000 + 60_000,
  );
});
