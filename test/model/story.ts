import { wordsOf } from "./actions.ts";
import type { Scenario } from "./setup.ts";

/** Values that need no word, since they are what everybody has. */
const usual: Readonly<Record<string, unknown>> = {
  ...{ highWaterMark: 256 * 1024, receiveHighWaterMark: 64 * 1024 },
  ...{ maxBufferedAmount: 16 * 1024 ** 2, overflow: "close", reads: "all" },
  ...{ compression: false, seed: 0, delay: 0, completes: "early", patient: "nobody" },
  ...{ bytes: "own", textAs: "string", pongs: "library", deliverAfterClose: false },
  ...{ slowReceivers: "buffer", peer: "library" },
};

/** A scenario as somebody can read it: what is not as usual, and the actions. */
export function story({ setup, actions }: Scenario): string {
  const { client, server, network, times, finish, sliceSize, compression } = setup;
  const { completes, patient, peer, slowReceivers, maxTotalBufferedAmount } = setup;
  const rest = { compression, completes, patient, peer, slowReceivers, maxTotalBufferedAmount };
  const slices = compression ? { sliceSize } : {};
  const lines = [
    `setup: ${inWords({ ...network, ...times, ...rest, ...slices })}`,
    `client: ${inWords({ ...client, ...client.does })}`,
    `server: ${inWords({ ...server, ...server.does })}`,
    ...actions.map((action, index) => `${String(index + 1).padStart(2)}. ${wordsOf(action)}`),
    `then, where nothing has ended it: ${finish}`,
  ];
  return lines.map((line) => `  ${line}`).join("\n");
}

function inWords(values: Readonly<Record<string, unknown>>): string {
  const words = Object.entries(values)
    .filter(([name, value]) => value !== Infinity && name !== "does" && String(value) !== "sync")
    .filter(([name, value]) => !(name in usual) || String(usual[name]) !== String(value))
    .map(([name, value]) => `${name} ${String(value)}`);
  return words.length === 0 ? "as usual" : words.join(", ");
}
