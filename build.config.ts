import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import process from "node:process";
import { defineBuildConfig } from "unbuild";

/** Writes the declaration of each source to .types/, by the compiler that is written in Go: in two seconds. */
function declare(): void {
  const tsc = join(import.meta.dirname, "node_modules/typescript7/bin/tsc");
  const projects = ["src", "adapters"].map((name) => `tsconfig/${name}.json`);
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-b", ...projects], {
    cwd: import.meta.dirname,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`Declarations could not be written:\n${stdout}`);
}

/** What rollup is told, as far as it is looked at here. */
interface RollupOptions {
  input?: unknown;
  plugins?: unknown;
}

/**
 * Lets the bundler of declarations begin with those that are written. From sources it makes them itself, with a compiler for each
 * few entries: that took six times as long, and more memory than Node gives a process.
 */
function bundleDeclarations(options: RollupOptions): void {
  const sources = options.input as Record<string, string>;
  const root = import.meta.dirname;
  const declarationOf = (path: string): string =>
    join(root, ".types", relative(root, path).replace(/(?:\.ts)?$/, ".d.ts"));
  options.input = Object.fromEntries(
    Object.entries(sources).map(([name, path]) => [name, declarationOf(path)]),
  );
  // It takes a declaration for a source, of which it leaves nothing.
  const plugins = options.plugins as readonly ({ readonly name?: string } | false)[];
  options.plugins = plugins.filter((plugin) => plugin === false || plugin.name !== "esbuild");
}

/** What a declaration begins with that has `Symbol.asyncDispose`: a project's own libraries may be older than that. */
const disposable = '/// <reference lib="esnext.disposable" />\n';

/** The bundler of declarations drops references to libraries; this puts the one that is needed where it is needed. */
function referToDisposable(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".d.mts")) continue;
    const file = join(folder, name);
    const text = readFileSync(file, "utf8");
    if (text.includes("Symbol.asyncDispose")) writeFileSync(file, disposable + text);
  }
}

/** One entry for each of package.json's exports, under the same name in dist/. */
export default defineBuildConfig({
  entries: [
    { input: "src/index", name: "index" },
    { input: "src/frame/index", name: "frame" },
    { input: "src/http/index", name: "http" },
    { input: "src/handshake/index", name: "handshake" },
    { input: "src/extension/index", name: "extension" },
    { input: "src/flate/index", name: "flate" },
    { input: "src/stream/index", name: "stream" },
    { input: "src/endpoint/index", name: "endpoint" },
    { input: "src/nodes/index", name: "nodes" },
    { input: "adapters/node/index", name: "node" },
    { input: "adapters/deno/index", name: "deno" },
    { input: "adapters/bun/index", name: "bun" },
    { input: "adapters/http2/index", name: "http2" },
    { input: "adapters/memory/index", name: "memory" },
    { input: "adapters/streams/index", name: "streams" },
    { input: "adapters/redis/index", name: "redis" },
    { input: "adapters/nats/index", name: "nats" },
    { input: "adapters/postgres/index", name: "postgres" },
    { input: "adapters/cluster/index", name: "cluster" },
    { input: "adapters/cloudflare/index", name: "cloudflare" },
    { input: "adapters/browser/index", name: "browser" },
    { input: "adapters/ws/index", name: "ws" },
    { input: "adapters/crossws/node", name: "crossws/node" },
    { input: "adapters/crossws/deno", name: "crossws/deno" },
    { input: "adapters/crossws/bun", name: "crossws/bun" },
    { input: "adapters/zlib/index", name: "zlib" },
    { input: "adapters/websocket/node", name: "websocket/node" },
    { input: "adapters/websocket/deno", name: "websocket/deno" },
    { input: "adapters/websocket/bun", name: "websocket/bun" },
    { input: "adapters/websocket/platform", name: "websocket/platform" },
    { input: "adapters/auto/node", name: "auto/node" },
    { input: "adapters/auto/deno", name: "auto/deno" },
    { input: "adapters/auto/bun", name: "auto/bun" },
    { input: "adapters/auto/none", name: "auto/none" },
  ],
  externals: ["cloudflare:sockets"],
  declaration: "node16",
  sourcemap: true,
  clean: true,
  failOnWarn: true,
  hooks: {
    "build:before": declare,
    "rollup:dts:options": (_, options) => {
      bundleDeclarations(options);
    },
    "build:done": ({ options }) => {
      referToDisposable(options.outDir);
    },
  },
  rollup: { emitCJS: false, esbuild: { target: "es2022" } },
});
