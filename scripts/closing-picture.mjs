/**
 * `npm run closing:picture`: draws src/endpoint/closing.ts into ARCHITECTURE.md. The test that compares the two does it, since
 * only the test runner reads TypeScript on every version of Node.
 */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./built.mjs";

const { status } = spawnSync(
  process.execPath,
  [join(root, "node_modules/vitest/vitest.mjs"), "run", "test/architecture.test.ts"],
  { cwd: root, stdio: "inherit", env: { ...process.env, CLOSING_PICTURE: "write" } },
);
process.exitCode = status ?? 1;
