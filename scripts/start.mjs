/**
 * `npm start`: builds the package where needed, then runs the chat server on Node.
 */

import { ensureBuilt } from "./built.mjs";

ensureBuilt();
await import("../examples/chat/node.js");
