/**
 * How the programs of `bench/run.mjs` here measure: sides take turns, so that a bad minute of the machine is nobody's alone.
 */

import process from "node:process";

const { rounds, milliseconds } = JSON.parse(process.argv[2] ?? '{"rounds": 5, "milliseconds": 30}');

/** Nanoseconds that a call takes, over so many milliseconds. */
function timeOf(act, calls) {
  const start = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) act();
  return Number(process.hrtime.bigint() - start) / calls;
}

/** So many calls that they take as long as a measurement should; compiles them on the way. */
function calibrate(act) {
  let calls = 16;
  for (;;) {
    const taken = (timeOf(act, calls) * calls) / 1e6;
    if (taken >= milliseconds) return Math.max(1, Math.round((calls * milliseconds) / taken));
    calls *= taken > milliseconds / 10 ? Math.ceil((1.2 * milliseconds) / taken) : 4;
  }
}

/**
 * Prints `[{ "row": ..., "peers": { "framewire": [...], ... } }]`, nanoseconds for each round.
 *
 * @param cases For each what is done, how its sides are made, and how many of it one call does.
 */
export async function measure(cases) {
  const results = [];
  for (const [row, make, each = 1] of cases) {
    const sides = Object.entries(make()).map(([name, act]) => [name, act, calibrate(act)]);
    const peers = Object.fromEntries(sides.map(([name]) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const [name, act, calls] of sides) peers[name].push(timeOf(act, calls) / each);
      // Streams of `ws` go on in their own time.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    results.push({ row, peers });
  }
  console.log(JSON.stringify(results));
}
