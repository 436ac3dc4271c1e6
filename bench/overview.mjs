/**
 * What all benchmarks have found, in one table and one picture.
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { machineText } from "./machine.mjs";
import { plot } from "./plot.mjs";
import { aimText, compare, markdownTable, rivalsOf, spreadText } from "./report.mjs";
import { ratios } from "./statistics.mjs";

const picture = "ratios.svg";
/** Benchmarks whose tables stand apart: they compare no servers of WebSockets. */
const apart = new Set(["micro", "backplanes"]);

/** What plain sockets come to, against the same other. */
function limitOf({ peers }, name) {
  if (peers.TCP === undefined || name === "TCP") return undefined;
  const values = (samples) => samples.map(({ value }) => value);
  return ratios(values(peers.TCP), values(peers[name]));
}

function linesOf({ name, title, figure, rows }) {
  return rows.flatMap((row) =>
    rivalsOf(row).map((rival) => {
      const result = compare(name, figure, row, rival);
      return {
        ...result,
        cells: [
          `[${title}](${name}.md)`,
          row.row,
          row.runtime,
          rival,
          spreadText(result.ratio),
          spreadText(result.byCpu),
          spreadText(limitOf(row, rival)),
          aimText(figure, result),
        ],
      };
    }),
  );
}

const titles = ["benchmark", "row", "runtime", "against", "ratio", "by CPU", "TCP's ratio", "aim"];

function tableOf(lines) {
  return markdownTable([titles, ...lines.map(({ cells }) => cells)]);
}

/**
 * Writes README.md and the picture of a folder of results, from those that are there.
 *
 * @param names The benchmarks, in their order.
 */
export function writeOverview(folder, names) {
  const all = names
    .map((name) => join(folder, `${name}.json`))
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, "utf8")))
    // Of an earlier form.
    .filter(({ name }) => name !== undefined);
  const compared = all.filter(({ name, figure }) => figure !== undefined && !apart.has(name));
  const lines = compared.flatMap(linesOf);
  const aimed = lines.filter(({ aim }) => aim !== undefined);
  const met = aimed.filter(({ verdict }) => verdict === "met");
  const failures = lines.filter(({ failure }) => failure !== undefined);
  const machines = new Map(all.map(({ machine }) => [machineText(machine), machine]));
  const paragraphs = [
    "# Results",
    `![Ratios against others](${picture})`,
    "framewire's figure over the other's, within one run: the median over the rounds, with the least and the most of them. " +
      "By CPU is the same of the CPU time that one message or handshake costs the server (the other's time over " +
      "framewire's, so that more is better): steadier than rates where a machine has other things to do. TCP's ratio is what " +
      "plain sockets of the same runtime come to against the same other, where nobody looks at the bytes. Of memory, less is " +
      `better; the picture has its inverse. [bench/README.md](../README.md) tells what is measured.`,
    [...machines.keys()].join("\n\n"),
    `## Aims\n\n${met.length} of ${aimed.length} met.`,
    tableOf(aimed),
    "## The others",
    tableOf(lines.filter(({ aim }) => aim === undefined)),
  ];
  if (failures.length > 0) {
    const list = failures.map(
      ({ cells, failure }) => `- ${cells.slice(0, 3).join(", ")}: ${failure}`,
    );
    paragraphs.push("## What failed", [...new Set(list)].join("\n"));
  }
  const times = all.map(({ name, title, seconds }) => [`[${title}](${name}.md)`, `${seconds} s`]);
  paragraphs.push("## How long each took", markdownTable([["benchmark", "time"], ...times]));
  writeFileSync(join(folder, "README.md"), `${paragraphs.join("\n\n")}\n`);
  const [[footer] = [""]] = machines;
  writeFileSync(join(folder, picture), plot(compared, ["node", "deno", "bun"], footer));
}
