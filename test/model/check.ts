import process from "node:process";
import fc from "fast-check";
import type { NetFor } from "./net.ts";
import { run } from "./run.ts";
import { type Profile, type Scenario, scenarioArbitrary } from "./setup.ts";
import { shorten } from "./shorten.ts";
import { story } from "./story.ts";

/*
 * Plays what a profile generates, and where something does not hold, looks for the shortest scenario that shows it.
 *
 * MODEL_PROFILE    the name of the only profile that is played
 * MODEL_IGNORE     a regular expression: findings that match it do not count
 * MODEL_RUNS       how many scenarios of each, in place of the test's own number
 * FUZZ_SECONDS     how long, with seeds that are new each time, in place of a number
 * FUZZ_SEED        the seed to begin with; with MODEL_PATH, both as they were printed, one scenario again
 */

const { MODEL_PROFILE, MODEL_IGNORE, MODEL_RUNS, MODEL_PATH, FUZZ_SECONDS, FUZZ_SEED } =
  process.env;

const ignored = MODEL_IGNORE === undefined ? undefined : new RegExp(MODEL_IGNORE);

/** How long a run of the fuzzers takes; 0 where it is none. */
export const seconds = Number(FUZZ_SECONDS ?? 0);

/** The seed that is asked for, or else the same one each time, or where it is fuzzing another one each time. */
export function seedOf(): number {
  if (FUZZ_SEED !== undefined) return Number(FUZZ_SEED);
  return seconds > 0 ? Math.floor(Math.random() * 2 ** 31) : 19;
}

/** The profiles that are asked for. */
export function asked(all: readonly Profile[]): readonly Profile[] {
  return MODEL_PROFILE === undefined ? all : all.filter(({ name }) => name === MODEL_PROFILE);
}

/** What is thrown outside of anybody's call is a fault, too. */
const strays: unknown[] = [];

const strayEvents = ["unhandledRejection", "uncaughtException"] as const;

/** Runs with nobody but this file hearing of strays, so that they belong to a scenario. */
async function catchingStrays<Result>(work: () => Promise<Result>): Promise<Result> {
  const others = strayEvents.map((event) => [event, process.listeners(event as "exit")] as const);
  const note = (error: unknown): void => void strays.push(error);
  for (const event of strayEvents) {
    process.removeAllListeners(event);
    process.on(event, note);
  }
  try {
    return await work();
  } finally {
    for (const [event, listeners] of others) {
      process.removeListener(event, note);
      for (const listener of listeners) process.on(event, listener);
    }
  }
}

/** Plays a scenario, and gives what does not hold. */
async function findingsOf(scenario: Scenario, netFor: NetFor): Promise<string[]> {
  let findings: readonly string[];
  try {
    findings = await run(scenario, netFor);
  } catch (error) {
    findings = [`The library has thrown: ${String(error instanceof Error ? error.stack : error)}`];
  }
  const all = [
    ...findings,
    ...strays.splice(0).map((stray) => `Thrown at nobody: ${String(stray)}`),
  ];
  return all.filter((finding) => ignored?.test(finding) !== true);
}

/** What a finding is about, whichever message it is that shows it. */
function kindOf(finding: string | undefined): string {
  return (finding ?? "").replace(/^(?:client|server): |[cs]?\d[\d.]*/g, "").replace(/"[^"]*"/g, "");
}

/** A scenario that does not hold. */
interface Failure {
  readonly scenario: Scenario;
  readonly findings: readonly string[];
}

/** Looks for the shortest scenario that shows the first finding of one. */
async function shortest({ scenario, findings }: Failure, options: CheckOptions): Promise<Failure> {
  const { netFor, shorteningTime = 10_000 } = options;
  const kind = kindOf(findings[0]);
  const end = performance.now() + shorteningTime;
  let best: Failure = { scenario, findings };
  await shorten(scenario, async (candidate) => {
    if (performance.now() > end) return false;
    const found = await findingsOf(candidate, netFor);
    const shows = found.some((finding) => kindOf(finding) === kind);
    if (shows) best = { scenario: candidate, findings: found };
    return shows;
  });
  return best;
}

/** How a check goes. */
export interface CheckOptions {
  readonly netFor: NetFor;
  /** How many scenarios are played, and at the most for how many milliseconds. */
  readonly runs: number;
  /** The part that it has of the time of the fuzzers. */
  readonly share: number;
  readonly time?: number;
  /** How many are played side by side, where they wait rather than work. Default: 1. */
  readonly atOnce?: number;
  /** Milliseconds in which a shorter scenario is looked for. */
  readonly shorteningTime?: number;
}

/** Checks a profile; throws what does not hold, with the actions that show it. Gives how many scenarios were played. */
export async function check(profile: Profile, options: CheckOptions): Promise<number> {
  const { netFor, runs, share, time = 60_000, atOnce = 1 } = options;
  const isFuzzing = seconds > 0;
  const seed = seedOf();
  let played = 0;
  let failure: Failure | undefined;
  const arbitrary = fc.array(scenarioArbitrary(profile), { minLength: atOnce, maxLength: atOnce });
  const property = fc.asyncProperty(arbitrary, async (scenarios) => {
    const all = await Promise.all(scenarios.map((scenario) => findingsOf(scenario, netFor)));
    played += scenarios.length;
    const index = all.findIndex((findings) => findings.length > 0);
    if (index === -1) return;
    failure = { scenario: scenarios[index]!, findings: all[index]! };
    throw new Error(failure.findings[0]);
  });
  await catchingStrays(async () => {
    const result = await fc.check(property, {
      seed,
      numRuns: isFuzzing ? 2 ** 31 - 1 : Math.ceil(Number(MODEL_RUNS ?? runs) / atOnce),
      // What shortens knows what is plain; fast-check does not.
      endOnFailure: true,
      interruptAfterTimeLimit: isFuzzing ? seconds * 1000 * share : time,
      ...(MODEL_PATH !== undefined && { path: MODEL_PATH }),
    });
    if (failure === undefined) return;
    const again = `MODEL_PROFILE="${profile.name}" FUZZ_SEED=${seed} MODEL_PATH=${result.counterexamplePath}`;
    const { scenario, findings } = await shortest(failure, options);
    const count = failure.scenario.actions.length;
    throw new Error(
      [
        `Profile "${profile.name}", scenario ${played}, shortened from ${count} actions to ${scenario.actions.length}:`,
        ...findings,
        story(scenario),
        `Again: ${again}`,
      ].join("\n"),
    );
  });
  return played;
}
