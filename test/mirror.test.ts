import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

function namesBelow(folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => name.slice(0, -ending.length));
}

/** Files that hold no code of their own: lists of exports, types, one-line choices of an adapter. */
const withoutTest =
  /(^|\/)index$|^globals\.d$|^errors$|^transport$|^web-streams$|^connection\/(runtime-services|error-source|handlers|settings|connection-link|backplane\/(?:backplane|status)|receive\/message-gate)$|^handshake\/server\/upgrade-callbacks$|^endpoint\/endpoint-events$|^io\/byte-stream$|^extension\/extension$|^flate\/engine$|^auto\/|^browser\/web-socket$|^websocket\/(node|deno|bun|types)$|^ws\/types$|^crossws\/(node|deno|bun|types)$/;

/** Adapters of one runtime, which test/runtime runs on it, or test/edge. */
const onOneRuntime = /^(?:node|deno|bun|cloudflare)\/(?:listen|connect|tls-names)$/;

describe("the tests", () => {
  it("mirror src/ file for file", () => {
    const missing = namesBelow("src", ".ts")
      .filter((name) => !withoutTest.test(name))
      .filter((name) => !namesBelow("test", ".test.ts").includes(name));
    expect(missing).toEqual([]);
  });

  it("mirror adapters/ file for file", () => {
    const tests = namesBelow("test/adapters", ".test.ts");
    const missing = namesBelow("adapters", ".ts").filter(
      (name) => !withoutTest.test(name) && !onOneRuntime.test(name) && !tests.includes(name),
    );
    expect(missing).toEqual([]);
  });

  it("have a source for every file in a folder of src/", () => {
    const folders = [
      "errors",
      "frame",
      "http",
      "extension",
      "flate",
      "io",
      "stream",
      "handshake",
      "endpoint",
      "connection",
      "nodes",
    ];
    const orphans = folders.flatMap((folder) =>
      namesBelow(`test/${folder}`, ".test.ts").filter(
        (name) => !namesBelow(`src/${folder}`, ".ts").includes(name),
      ),
    );
    expect(orphans).toEqual([]);
  });
});
