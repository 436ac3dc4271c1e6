// One process per core on Deno: `deno run -A examples/cluster/deno.js`, then connect twice to the address that it prints:
// each is told who serves it, and `all hello` goes to both. The kernel shares the connections out, on Linux.
import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { serve } from "framewire/deno";
import { startShares } from "./parent.js";
import { serveShare } from "./server.js";

const [, , port] = process.argv;
if (port === undefined) {
  // What reusePort needs on Deno is a flag.
  const command = ["run", "-A", "--unstable-net", fileURLToPath(import.meta.url)];
  await startShares((port) =>
    spawn(process.execPath, [...command, String(port)], {
      stdio: ["inherit", "inherit", "inherit", "ipc"],
    }),
  );
} else await serveShare(serve, { port: Number(port), reusePort: true });
