/**
 * What every client does with every server, and what both must see of it.
 *
 * A scenario has what the `server` is made of: `options` and `handlers`, a function of the server's trace; or `stream`,
 * which plays a server of its own on a stream; and the `client`'s side, a function. `expected` is what the two sides have
 * to write down, line by line, whatever they run on.
 */

import { closing } from "./scenarios/closing.mjs";
import { failing } from "./scenarios/failing.mjs";
import { flow } from "./scenarios/flow.mjs";
import { messages } from "./scenarios/messages.mjs";
import { opening } from "./scenarios/opening.mjs";
import { pulling } from "./scenarios/pulling.mjs";
import { topics } from "./scenarios/topics.mjs";

export const scenarios = [
  ...messages,
  ...pulling,
  ...opening,
  ...closing,
  ...failing,
  ...flow,
  ...topics,
];
