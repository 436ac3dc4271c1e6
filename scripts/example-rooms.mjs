/**
 * `npm run example:rooms`: builds the package where needed, then starts examples/rooms-on-many-nodes, with the project's own Deno and Bun
 * for those who ask for them.
 */

import { delimiter, join } from "node:path";
import process from "node:process";
import { ensureBuilt, root } from "./built.mjs";

ensureBuilt();
process.env.PATH = [join(root, "node_modules/.bin"), process.env.PATH].join(delimiter);
await import("../examples/rooms-on-many-nodes/start.js");
