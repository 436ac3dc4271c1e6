import { defineBuildConfig } from "unbuild";

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
    { input: "adapters/node", name: "node" },
    { input: "adapters/deno", name: "deno" },
    { input: "adapters/bun", name: "bun" },
    { input: "adapters/http2", name: "http2" },
    { input: "adapters/memory", name: "memory" },
    { input: "adapters/streams", name: "streams" },
    { input: "adapters/zlib", name: "zlib" },
    { input: "adapters/auto/node", name: "auto/node" },
    { input: "adapters/auto/deno", name: "auto/deno" },
    { input: "adapters/auto/bun", name: "auto/bun" },
    { input: "adapters/auto/none", name: "auto/none" },
  ],
  declaration: "node16",
  sourcemap: true,
  clean: true,
  failOnWarn: true,
  rollup: { emitCJS: false, esbuild: { target: "es2022" } },
});
