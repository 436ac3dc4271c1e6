import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { build } from "esbuild";
import { root } from "../../scripts/built.mjs";
import { atExit } from "./at-exit.ts";
import { authority } from "./certificate.ts";

/** The runtime of Cloudflare's Workers, with one Worker in it. */
export interface Workerd extends AsyncDisposable {
  /** Where its Worker is asked, as "http://127.0.0.1:port". */
  readonly url: string;
  /** What it has printed. */
  readonly output: () => string;
}

/** What a Worker is made of. */
export interface WorkerOptions {
  /** Its main module, below the project's folder; what it imports is bundled, as Workers are. */
  readonly entry: string;
  /** Whether it has Node's modules. Default: false. */
  readonly hasNode?: boolean;
  /** Classes of Durable Objects; the binding of each is its name in capitals. */
  readonly durableObjects?: readonly string[];
  /** Bindings that are texts. */
  readonly texts?: Readonly<Record<string, string>>;
}

/** The Worker's network is this machine, and trusts the authority of the tests. */
function configOf({ hasNode = false, durableObjects = [], texts = {} }: WorkerOptions): string {
  const namespaces = durableObjects.map((name) => `(className = "${name}", uniqueKey = "${name}")`);
  const bindings = durableObjects.map(
    (name) => `(name = "${name.toUpperCase()}", durableObjectNamespace = "${name}")`,
  );
  for (const [name, text] of Object.entries(texts)) {
    bindings.push(`(name = "${name}", text = ${JSON.stringify(text)})`);
  }
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (
      allow = ["public", "private", "local"],
      tlsOptions = (trustedCertificates = [embed "authority.pem"])
    )),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.js")],
  compatibilityDate = "2026-01-01",
  compatibilityFlags = [${hasNode ? '"nodejs_compat"' : ""}],
  bindings = [${bindings.join(", ")}],
  durableObjectNamespaces = [${namespaces.join(", ")}],
  durableObjectStorage = (inMemory = void),
);
`;
}

/** Bundles a Worker, and starts it. */
export async function startWorkerd(options: WorkerOptions): Promise<Workerd> {
  const folder = mkdtempSync(join(tmpdir(), "framewire-worker-"));
  await build({
    entryPoints: [join(root, options.entry)],
    outfile: join(folder, "worker.js"),
    bundle: true,
    format: "esm",
    target: "es2022",
    external: ["cloudflare:*", "node:*"],
    logLevel: "error",
  });
  writeFileSync(join(folder, "authority.pem"), authority);
  writeFileSync(join(folder, "config.capnp"), configOf(options));
  const { default: program } = createRequire(import.meta.url)("workerd") as { default: string };
  const child = spawn(program, ["serve", "config.capnp", "--control-fd=3"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const end = (): void => void child.kill("SIGTERM");
  const forget = atExit(end);
  const ended = new Promise<void>((resolve) => child.once("close", resolve));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream!.on("data", (chunk: Uint8Array) => (output += String(chunk)));
  }
  const port = await new Promise<number>((resolve, reject) => {
    let told = "";
    (child.stdio[3] as Readable).on("data", (chunk: Uint8Array) => {
      told += String(chunk);
      const match = /"event":"listen","socket":"http","port":(\d+)/.exec(told);
      if (match !== null) resolve(Number(match[1]));
    });
    child.once("error", reject);
    void ended.then(() => {
      reject(new Error(`workerd ended before it listened: ${output}`));
    });
  });
  return {
    url: `http://127.0.0.1:${port}`,
    output: () => output,
    async [Symbol.asyncDispose]() {
      forget();
      end();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
