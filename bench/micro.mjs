/**
 * What the parts of the codec, and deadlines, take, beside other ways to do the same.
 */

import { runProgram } from "./programs.mjs";
import { figureText } from "./rounds.mjs";

const programs = ["micro/codec.mjs", "micro/deadlines.mjs"];
const figure = { what: "what is done", unit: "ns", better: "less" };

export const micro = {
  title: "Parts of the codec",
  explanation:
    "Nanoseconds for each, in one process on one core (bench/micro/codec.mjs): masking beside a loop over bytes, as `ws` " +
    "has it without native code, and the native code of bufferutil; text beside a fatal TextDecoder; UTF-8 in pieces " +
    "beside isUtf8 of node:buffer, which takes no pieces; frames beside `ws`'s own classes, whose Receiver gathers " +
    "messages as well; the accept key beside node:crypto. Deadlines (bench/micro/deadlines.mjs) beside a Set that each tick " +
    "goes through: what they cost grows with what is due, not with what exists.",
  figure,
  async run({ runtimes, rounds, measure, rowFilter = "" }) {
    const rows = [];
    for (const runtime of runtimes) {
      console.error(`${runtime} ...`);
      const options = { rounds, milliseconds: measure / 25 };
      const results = [];
      for (const program of programs)
        results.push(...(await runProgram(runtime, program, options)));
      for (const { row, peers } of results) {
        if (!row.includes(rowFilter)) continue;
        const samples = Object.entries(peers).map(([name, values]) => {
          console.error(`${runtime}, ${row}, ${name}: ${figureText(values[0], figure)}`);
          return [name, values.map((value) => ({ value }))];
        });
        rows.push({ runtime, row, peers: Object.fromEntries(samples) });
      }
    }
    return { rows };
  },
};
