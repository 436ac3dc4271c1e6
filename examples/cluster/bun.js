// One process per core on Bun: `bun examples/cluster/bun.js`, then connect twice to the address that it prints: each is
// told who serves it, and `all hello` goes to both. The kernel shares the connections out, on Linux.
import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { serve } from "framewire/bun";
import { startShares } from "./parent.js";
import { serveShare } from "./server.js";

const [, , port] = process.argv;
if (port === undefined) {
  const file = fileURLToPath(import.meta.url);
  await startShares((port) =>
    spawn(process.execPath, [file, String(port)], {
      stdio: ["inherit", "inherit", "inherit", "ipc"],
    }),
  );
} else await serveShare(serve, { port: Number(port), reusePort: true });
