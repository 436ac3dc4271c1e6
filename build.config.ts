import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineBuildConfig } from "unbuild";

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
    { input: "adapters/node/index", name: "node" },
    { input: "adapters/deno/index", name: "deno" },
    { input: "adapters/bun/index", name: "bun" },
    { input: "adapters/http2/index", name: "http2" },
    { input: "adapters/memory/index", name: "memory" },
    { input: "adapters/streams/index", name: "streams" },
    { input: "adapters/redis/index", name: "redis" },
    { input: "adapters/cloudflare/index", name: "cloudflare" },
    { input: "adapters/browser/index", name: "browser" },
    { input: "adapters/ws/index", name: "ws" },
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
  hooks: { "build:done": ({ options }) => referToDisposable(options.outDir) },
  rollup: { emitCJS: false, esbuild: { target: "es2022" } },
});
