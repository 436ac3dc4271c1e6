import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Who may import whom, lowest layer first. A layer may always import itself; the longest name that fits a file counts. */
const mayImport: Record<string, string[]> = {
  "src/status.ts": [],
  "src/bytes.ts": [],
  "src/arguments.ts": [],
  "src/check-options.ts": ["src/arguments.ts"],
  "src/ip-address.ts": [],
  "src/transport.ts": [],
  "src/linked-list.ts": [],
  "src/returning-map.ts": [],
  "src/fifo.ts": [],
  "src/call-site.ts": [],
  "src/clock.ts": ["src/linked-list.ts"],
  "src/timer.ts": ["src/clock.ts"],
  "src/deferred.ts": [],
  "src/web-streams.ts": [],
  "src/errors": ["src/status.ts"],
  "src/errors.ts": ["src/errors"],
  "src/frame": ["src/bytes.ts", "src/arguments.ts", "src/status.ts", "src/errors.ts"],
  "src/extension": ["src/bytes.ts", "src/arguments.ts", "src/errors.ts", "src/frame", "src/http"],
  "src/flate": [
    "src/bytes.ts",
    "src/arguments.ts",
    "src/check-options.ts",
    "src/errors.ts",
    "src/clock.ts",
    "src/linked-list.ts",
    "src/frame",
    "src/http",
    "src/io",
    "src/extension",
  ],
  "src/io": [
    "src/bytes.ts",
    "src/arguments.ts",
    "src/check-options.ts",
    "src/errors.ts",
    "src/ip-address.ts",
    "src/transport.ts",
    "src/clock.ts",
    "src/deferred.ts",
  ],
  "src/stream": [
    "src/bytes.ts",
    "src/deferred.ts",
    "src/arguments.ts",
    "src/status.ts",
    "src/errors.ts",
    "src/frame",
    "src/extension",
    "src/io",
  ],
  "src/http": ["src/bytes.ts", "src/arguments.ts", "src/check-options.ts", "src/errors.ts"],
  "src/handshake": [
    "src/bytes.ts",
    "src/arguments.ts",
    "src/check-options.ts",
    "src/errors.ts",
    "src/ip-address.ts",
    "src/transport.ts",
    "src/clock.ts",
    "src/deferred.ts",
    "src/http",
    "src/extension",
    "src/io",
    // What a Reader or Writer is told of the side that a handshake was on.
    "src/frame/check.ts",
  ],
  "src/endpoint": [
    "src/bytes.ts",
    "src/arguments.ts",
    "src/status.ts",
    "src/errors.ts",
    "src/fifo.ts",
    "src/frame",
    "src/extension",
  ],
  "src/connection": [
    "src/bytes.ts",
    "src/arguments.ts",
    "src/call-site.ts",
    "src/check-options.ts",
    "src/status.ts",
    "src/errors.ts",
    "src/ip-address.ts",
    "src/transport.ts",
    "src/clock.ts",
    "src/timer.ts",
    "src/deferred.ts",
    "src/linked-list.ts",
    "src/returning-map.ts",
    "src/fifo.ts",
    "src/web-streams.ts",
    "src/http",
    "src/extension",
    "src/flate",
    "src/io",
    "src/handshake",
    "src/endpoint",
    // Which side an extension is on; sizes that the arguments of an application are checked against.
    "src/frame/check.ts",
    "src/frame/close.ts",
    "src/frame/header.ts",
    "src/frame/opcode.ts",
    // What a runtime turns text into bytes with; text that an application gives as bytes is checked.
    "src/frame/text-codec.ts",
    "src/frame/utf8.ts",
  ],
  // Over what joins servers: its states, its queue, its subscriptions.
  "src/nodes": [
    "src/arguments.ts",
    "src/bytes.ts",
    "src/check-options.ts",
    "src/clock.ts",
    "src/deferred.ts",
    "src/errors.ts",
    "src/fifo.ts",
    "src/returning-map.ts",
    "src/io/byte-stream.ts",
    "src/connection/call-safely.ts",
    "src/connection/data.ts",
    "src/connection/unhandled-errors.ts",
    "src/connection/backplane",
  ],
  "src/index.ts": [
    "src/errors.ts",
    "src/transport.ts",
    "src/extension",
    "src/flate",
    "src/handshake",
    "src/endpoint",
    "src/connection",
  ],
  // Over somebody else's protocol: of the core there is what it takes to keep messages, and to connect again.
  "adapters/browser": [
    "src/arguments.ts",
    "src/clock.ts",
    "src/deferred.ts",
    "src/errors.ts",
    "src/fifo.ts",
    "src/status.ts",
    "src/timer.ts",
    "src/transport.ts",
    "src/connection",
  ],
  // A class of the standard's shape over a client of one runtime, and over what its connection is made of.
  "adapters/websocket": [
    "adapters/blob.ts",
    "adapters/node",
    "adapters/deno",
    "adapters/bun",
    "src/arguments.ts",
    "src/bytes.ts",
    "src/check-options.ts",
    "src/deferred.ts",
    "src/errors.ts",
    "src/fifo.ts",
    "src/status.ts",
    "src/http",
    "src/endpoint",
    "src/connection",
    "node:timers",
  ],
  // Hooks of another library's shape on servers of each runtime.
  "adapters/crossws": [
    "adapters/node",
    "adapters/deno",
    "adapters/bun",
    "adapters/runtime-services.ts",
    "src/arguments.ts",
    "src/check-options.ts",
    "src/deferred.ts",
    "src/errors.ts",
    "src/status.ts",
    "src/transport.ts",
    "src/http",
    "src/io",
    "src/handshake",
    "src/connection",
    "node:buffer",
    "node:crypto",
    "node:process",
    "node:timers",
  ],
  // Over HTTP servers and clients of the runtime, in the shape of another library.
  "adapters/ws": [
    "adapters/blob.ts",
    // Whether anybody watches connections, and so may ask for their addresses.
    "adapters/diagnostics.ts",
    "adapters/node",
    "adapters/runtime-services.ts",
    "adapters/zlib",
    "src/bytes.ts",
    "src/errors.ts",
    "src/status.ts",
    "src/extension",
    "src/handshake",
    "src/http",
    "src/connection",
    // Frames that are encoded by hand, fragments, and which side an extension is on.
    "src/endpoint",
    "src/frame",
    "node:buffer",
    "node:crypto",
    "node:events",
    "node:http",
    "node:https",
    "node:net",
    "node:process",
    "node:stream",
    "node:timers",
    "node:tls",
  ],
  // Between processes: what waits for a relay's answer is a queue.
  "adapters/cluster": [
    "src/arguments.ts",
    "src/check-options.ts",
    "src/deferred.ts",
    "src/errors.ts",
    "src/fifo.ts",
    "src/transport.ts",
    "src/connection",
    "node:buffer",
    "node:process",
    "node:timers",
  ],
  // Over a client of PostgreSQL: what waits for its answers is a queue.
  "adapters/postgres": [
    "src/arguments.ts",
    "src/check-options.ts",
    "src/deferred.ts",
    "src/errors.ts",
    "src/fifo.ts",
    "src/transport.ts",
    "src/connection",
    "adapters/topic-name.ts",
    "node:buffer",
    "node:timers",
  ],
  adapters: [
    "src/arguments.ts",
    "src/bytes.ts",
    "src/check-options.ts",
    "src/deferred.ts",
    "src/errors.ts",
    "src/ip-address.ts",
    "src/clock.ts",
    "src/transport.ts",
    "src/web-streams.ts",
    "src/extension",
    "src/flate",
    "src/io",
    "src/handshake",
    "src/connection",
    // What a codec of text is, and the one that is the same everywhere.
    "src/frame/text-codec.ts",
    "cloudflare:sockets",
    "node:async_hooks",
    "node:buffer",
    // Asks a certificate about an address.
    "node:crypto",
    "node:fs",
    "node:os",
    "node:diagnostics_channel",
    "node:net",
    "node:process",
    // Keeps the order of a socket's bytes in front of a TLS handshake.
    "node:stream",
    "node:timers",
    "node:tls",
    "node:zlib",
    // What compressFrame() takes, as a type.
    "src/frame/frame.ts",
  ],
};

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
    .map((name) => `${folder}/${name}`);
}

function layerOf(file: string): string {
  const layers = Object.keys(mayImport).filter(
    (layer) => file === layer || file.startsWith(`${layer}/`),
  );
  const longest = layers.sort((a, b) => b.length - a.length)[0];
  if (longest === undefined) throw new Error(`No layer for ${file}: add it to the table`);
  return longest;
}

/** Everything that a source imports, examples in its comments aside: by `from`, for its side effects, and by call. */
function importsOf(source: string): string[] {
  const code = source.replaceAll(/\/\*[^]*?\*\//g, "");
  const pattern = /(?<!["'])(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']/g;
  return Array.from(code.matchAll(pattern), (match) => match[1]!);
}

/** The same names as paths from the project's folder, where they are not packages. */
function pathsOf(file: string, names: readonly string[]): string[] {
  return names.map((name) =>
    name.startsWith(".") ? relative(root, join(root, dirname(file), name)) : name,
  );
}

/** Goes along what each file imports, and gives the first way that leads back to where it has been. */
function findCycle(imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const follow = (file: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of imports.get(file) ?? []) {
      const cycle = follow(next, [...way, file]);
      if (cycle !== undefined) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of imports.keys()) {
    const cycle = follow(file, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** What a source may not import. */
function forbidden(file: string, source: string): string[] {
  const layer = layerOf(file);
  const allowed = [layer, ...mayImport[layer]!];
  return pathsOf(file, importsOf(source)).filter(
    (name) => !allowed.some((entry) => name === entry || name.startsWith(`${entry}/`)),
  );
}

describe("the layers", () => {
  it.each([...filesBelow("src"), ...filesBelow("adapters")])(
    "%s imports only what its layer may",
    (file) => {
      expect(forbidden(file, readFileSync(join(root, file), "utf8"))).toEqual([]);
    },
  );

  it.each([
    [
      "a value from above",
      'import { Link } from "../connection/link.ts";',
      "src/connection/link.ts",
    ],
    [
      "a type from above",
      'import type { Link } from "../connection/link.ts";',
      "src/connection/link.ts",
    ],
    ["for its side effects", 'import "node:net";', "node:net"],
    ["by call", 'const net = await import("node:net");', "node:net"],
    [
      "by export",
      'export { serve } from "../../adapters/node/index.ts";',
      "adapters/node/index.ts",
    ],
  ])("refuse an import %s", (_, source, name) => {
    expect(forbidden("src/frame/header.ts", source)).toEqual([name]);
  });
});

describe("the imports", () => {
  const files = [...filesBelow("src"), ...filesBelow("adapters")];

  // Types count as well: whoever reads one file of a circle has to read them all.
  it("never lead back to where they began", () => {
    const imports = files.map((file) => {
      const source = readFileSync(join(root, file), "utf8");
      return [file, pathsOf(file, importsOf(source))] as const;
    });
    expect(imports.flatMap(([, names]) => names).length).toBeGreaterThan(files.length);
    expect(findCycle(new Map(imports))).toBeUndefined();
  });

  it.each([
    ["around two files", { a: ["b"], b: ["a"] }, ["a", "b", "a"]],
    ["behind others", { a: ["b", "c"], b: [], c: ["d"], d: ["e"], e: ["c"] }, ["c", "d", "e", "c"]],
    ["of one file", { a: ["a"] }, ["a", "a"]],
    ["nowhere, where two ways meet", { a: ["b", "c"], b: ["d"], c: ["d"] }, undefined],
  ])("are recognized as a circle %s", (_, imports, cycle) => {
    expect(findCycle(new Map(Object.entries(imports)))).toEqual(cycle);
  });

  it("count even if they are only of types", () => {
    const source = `import type { A } from "./a.ts";\nimport { type B } from "./b.ts";\n`;
    expect(importsOf(source)).toEqual(["./a.ts", "./b.ts"]);
  });
});
