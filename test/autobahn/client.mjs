/**
 * What run-client.mjs runs: the same file on every runtime, through the package's own entry points.
 *
 * Each case is a connection whose messages are sent back; whether that was right is in the server's report.
 */

import process from "node:process";
import { connect } from "framewire/auto";

const [base, agent] = process.argv.slice(2);
const query = `agent=${encodeURIComponent(agent)}`;

/** Cases 9.3.1 and 9.4.1 send 4 MiB in frames of 64 bytes, and an empty one behind them. */
const maxFragments = 65_537;

/** Asks for one message. */
async function ask(path) {
  const ws = await connect(new URL(path, base));
  const answer = await ws.receive();
  await ws.close();
  return answer;
}

/** Runs one case: sends back what comes until the server ends it. */
async function runCase(number) {
  const options = { compression: true, maxFragments };
  // What the server does wrong on purpose ends the connection, and is told to `error`: that is for its report.
  const handlers = { message: (ws, data) => ws.send(data) };
  const url = new URL(`/runCase?case=${number}&${query}`, base);
  const ws = await connect(url, options, handlers);
  return ws.closed;
}

const count = Number(await ask("/getCaseCount"));
for (let number = 1; number <= count; number++) {
  const end = await runCase(number).then(
    ({ status, clean }) => `${status} ${clean ? "clean" : "not clean"}`,
    (error) => `no connection: ${error}`,
  );
  console.log(`${number}/${count}: ${end}`);
}
const ws = await connect(new URL(`/updateReports?${query}`, base));
await ws.closed;
console.log(`${count} cases run as ${agent}`);
