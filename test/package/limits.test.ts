import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { defaultCarrying } from "../../src/connection/backplane/status.ts";
import { defaultHttpLimits } from "../../src/connection/http/settings.ts";
import { defaultFlowLimits } from "../../src/connection/options.ts";
import { defaultMessageLimits } from "../../src/endpoint/limits.ts";
import { defaultHeadLimits } from "../../src/http/parser.ts";
import { parseTitle, table } from "../../scripts/hostile-table.mjs";

/** docs/limits.md tells the defaults that are in force, and leads to rows and tests that there are. */

const document = readFileSync("docs/limits.md", "utf8");

/** The default that the document tells of an option, in the table below a heading. */
function told(heading: string, option: string): string | undefined {
  const section = document.split(/^## /m).find((one) => one.startsWith(`${heading}\n`))!;
  const line = section.split("\n").find((one) => one.startsWith(`| \`${option}\``));
  return line?.split(" | ")[1];
}

/** A number in a source file, such as `16 * 1024 ** 2`, behind a text. */
function inSource(file: string, before: string): number {
  const text = readFileSync(file, "utf8");
  // Of several places the one with a number: tables of kinds have the same names.
  const numbers = text
    .split(before)
    .slice(1)
    .map((rest) => /^\d[\d_ *]*/.exec(rest)?.[0]);
  const expression = numbers.find((number) => number !== undefined);
  expect(expression, `${before} in ${file}`).toBeDefined();
  return expression!
    .trim()
    .split(/ \* /)
    .map((factor) => {
      const [base, power = "1"] = factor.split(" ** ").map((one) => one.replaceAll("_", ""));
      return Number(base) ** Number(power);
    })
    .reduce((product, factor) => product * factor, 1);
}

const { highWaterMark, maxBufferedAmount, receiveHighWaterMark, closeTimeout } = defaultFlowLimits;
const serve = "src/connection/server/serve-options.ts";
const local = "src/connection/backplane/local.ts";
const deflate = "src/flate/permessage-deflate.ts";

describe("docs/limits.md", () => {
  it.each<[heading: string, option: string, value: number]>([
    ...Object.entries(defaultMessageLimits).map(
      ([name, value]) => ["What peers send", name, value] as [string, string, number],
    ),
    ...Object.entries(defaultHeadLimits).map(
      ([name, value]) => ["What peers send", name, value] as [string, string, number],
    ),
    ["What peers send", "maxBodySize", defaultHttpLimits.maxBodySize],
    ["What peers send", "maxRequests", defaultHttpLimits.maxRequests],
    ["Time", "keepAliveTimeout", defaultHttpLimits.keepAliveTimeout],
    ["What peers send", "receiveHighWaterMark", receiveHighWaterMark],
    [
      "What peers send",
      "maxTopics",
      inSource("src/connection/server/route-settings.ts", "{ maxTopics: "),
    ],
    ["What is sent", "highWaterMark", highWaterMark],
    ["What is sent", "maxBufferedAmount", maxBufferedAmount],
    ["What is sent", "carrying.maxWaiting", defaultCarrying.maxWaiting],
    ["What is sent", "history", inSource(local, "history = ")],
    ["What is sent", "historyBytes", inSource(local, "historyBytes = ")],
    ["What is sent", "historyTopics", inSource(local, "historyTopics = ")],
    ["Time", "carrying.timeout", defaultCarrying.timeout],
    ["Time", "carrying.linger", defaultCarrying.linger],
    [
      "What is sent",
      "maxWaiting",
      inSource("src/connection/client/reconnecting.ts", "maxWaiting = "),
    ],
    [
      "What is sent",
      "maxWaiting` of `clusterRelay()",
      inSource("adapters/cluster/relay.ts", "maxWaiting = "),
    ],
    ["Time", "handshakeTimeout", inSource(serve, "handshakeTimeout: ")],
    ["Time", "closeTimeout", closeTimeout],
    ["Time", "minProgress", inSource("src/connection/options.ts", "  minProgress: ")],
    ["Time", "timeout", inSource("src/connection/client/connect.ts", "defaultTimeout = ")],
    ["Compression", "maxMemory", inSource(deflate, "  maxMemory: ")],
    ["Compression", "idleTimeout", inSource(deflate, "  idleTimeout: ")],
    ["Compression", "threshold", inSource(deflate, "  threshold: ")],
  ])("%s: `%s` is %d by default", (heading, option, value) => {
    expect(told(heading, option)).toBe(String(value));
  });

  it("names rows and files that exist", () => {
    const known = new Set(table.rows.map(({ id }) => id));
    const [, vulnerabilities] = document.split("## Known vulnerabilities");
    const { ids } = parseTitle(vulnerabilities!);
    expect(ids.length).toBeGreaterThan(30);
    expect(ids.filter((id) => !known.has(id))).toEqual([]);
    for (const [, file] of vulnerabilities!.matchAll(/`(test\/[^`]+)`/g)) {
      expect(() => readFileSync(file!)).not.toThrow();
    }
  });
});
