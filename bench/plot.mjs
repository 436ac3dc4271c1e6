/**
 * Results as a picture: ratios as bars on a logarithmic scale, a panel for each runtime, aims as ticks.
 */

import { compare, rivalsOf } from "./report.mjs";

const labelWidth = 178;
const panelWidth = 296;
const panelGap = 14;
const barHeight = 9;
const barStep = 12;
const groupPadding = 7;
const top = 92;
const margin = 16;

/** Colours by whom the library is compared with, on light and on dark ground. */
const colours = {
  ws: ["#2a78d6", "#3987e5"],
  "ws + bufferutil": ["#86b6ef", "#1c5cab"],
  "ws, threshold 0": ["#86b6ef", "#1c5cab"],
  "uWebSockets.js": ["#4a3aa7", "#9085e9"],
  own: ["#1baf7a", "#199e70"],
  TCP: ["#a3a19b", "#76746f"],
};
const names = Object.keys(colours);

const style = `
  svg { font-family: system-ui, -apple-system, "Segoe UI", sans-serif; font-size: 11px; }
  .ground { fill: #fcfcfb; } .band { fill: #f1f0ee; } .text { fill: #0b0b0b; } .soft { fill: #52514e; }
  .grid { stroke: #dddcd8; } .one { stroke: #52514e; } .aim { stroke: #0b0b0b; } .missed { stroke: #d03b3b; }
  .cpu { fill: #fcfcfb; stroke: #0b0b0b; } .bad { fill: #d03b3b; }
${names.map((name, i) => `  .peer${i} { fill: ${colours[name][0]}; }`).join("\n")}
  @media (prefers-color-scheme: dark) {
    .ground { fill: #1a1a19; } .band { fill: #232321; } .text { fill: #ffffff; } .soft { fill: #c3c2b7; }
    .grid { stroke: #3a3a37; } .one { stroke: #c3c2b7; } .aim { stroke: #ffffff; } .missed { stroke: #f07272; }
    .cpu { fill: #1a1a19; stroke: #ffffff; } .bad { fill: #f07272; }
${names.map((name, i) => `    .peer${i} { fill: ${colours[name][1]}; }`).join("\n")}
  }`;

function escape(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function textAt(x, y, text, { kind = "text", size = 11, anchor = "start", weight = 400 } = {}) {
  return `<text class="${kind}" x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}" font-weight="${weight}" text-anchor="${anchor}">${escape(text)}</text>`;
}

function lineAt(x1, y1, x2, y2, kind, width = 1) {
  return `<line class="${kind}" x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke-width="${width}"/>`;
}

/** A number that is better when it is more, whatever it is of. */
function upright({ better }, ratio) {
  return ratio === undefined ? undefined : better === "less" ? 1 / ratio : ratio;
}

/** All that is drawn, in groups that stand side by side: one for each row of each benchmark. */
function groupsOf(results) {
  const groups = [];
  for (const { name, title, figure, rows } of results) {
    for (const row of new Set(rows.map((each) => each.row))) {
      const panels = {};
      for (const each of rows.filter((other) => other.row === row)) {
        panels[each.runtime] = rivalsOf(each).map((rival) => {
          const { ratio, byCpu, aim, verdict } = compare(name, figure, each, rival);
          return {
            rival,
            ratio: upright(figure, ratio?.median),
            byCpu: byCpu?.median,
            aim: upright(figure, aim),
            isMissed: verdict !== undefined && verdict !== "met",
          };
        });
      }
      groups.push({ title, row, panels, isInverse: figure.better === "less" });
    }
  }
  return groups;
}

/** Where numbers lie on a logarithmic scale. */
function scaleOf(groups) {
  const bars = groups.flatMap(({ panels }) => Object.values(panels).flat());
  const numbers = bars.flatMap(({ ratio, byCpu, aim }) => [ratio, byCpu, aim]);
  const all = numbers.filter((number) => Number.isFinite(number) && number > 0);
  // What lies further out stands at the edge; its figure is written beside it.
  const least = Math.log(Math.max(0.03, Math.min(0.4, ...all) * 0.8));
  const most = Math.log(Math.min(100, Math.max(4, ...all) * 1.7));
  const ticks = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];
  return {
    at(number) {
      const place = Math.min(Math.max(Math.log(number), least), most);
      return ((place - least) / (most - least)) * panelWidth;
    },
    ticks: ticks.filter((tick) => Math.log(tick) >= least && Math.log(tick) <= most),
  };
}

function drawBar({ rival, ratio, byCpu, aim, isMissed }, left, y, scale) {
  const one = left + scale.at(1);
  if (ratio === undefined) {
    return textAt(one + 4, y + barHeight - 1, `${rival}: failed`, { kind: "bad", size: 9 });
  }
  const end = left + scale.at(ratio);
  const [from, width] = [Math.min(one, end), Math.max(1, Math.abs(end - one))];
  const parts = [
    `<rect class="peer${names.indexOf(rival)}" x="${from.toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${barHeight}" rx="1.5"><title>${escape(rival)}: ${ratio.toFixed(2)}</title></rect>`,
  ];
  let right = Math.max(one, end);
  const middle = y + barHeight / 2;
  if (aim !== undefined) {
    const x = left + scale.at(aim);
    parts.push(lineAt(x, y - 2, x, y + barHeight + 2, isMissed ? "missed" : "aim", 2.5));
    right = Math.max(right, x);
  }
  if (byCpu !== undefined) {
    const x = left + scale.at(byCpu);
    parts.push(
      `<circle class="cpu" cx="${x.toFixed(1)}" cy="${middle.toFixed(1)}" r="2.6" stroke-width="1"/>`,
    );
    right = Math.max(right, x + 2);
  }
  const digits = ratio >= 10 ? 1 : 2;
  parts.push(
    textAt(right + 4, y + barHeight - 1, ratio.toFixed(digits), { kind: "soft", size: 9 }),
  );
  return parts.join("\n");
}

function drawAxis(left, bottom, scale) {
  const parts = [];
  for (const tick of scale.ticks) {
    const x = left + scale.at(tick);
    parts.push(lineAt(x, top, x, bottom, tick === 1 ? "one" : "grid"));
    parts.push(textAt(x, top - 6, tick, { kind: "soft", size: 9, anchor: "middle" }));
  }
  return parts.join("\n");
}

/** Who has which colour, and what the marks mean. */
function drawLegend(groups, y) {
  const there = new Set(
    groups.flatMap(({ panels }) =>
      Object.values(panels)
        .flat()
        .map(({ rival }) => rival),
    ),
  );
  const parts = [];
  let x = margin;
  for (const [i, name] of names.entries()) {
    if (!there.has(name)) continue;
    parts.push(
      `<rect class="peer${i}" x="${x}" y="${y - 9}" width="11" height="11" rx="2"/>`,
      textAt(x + 16, y, name),
    );
    x += 34 + name.length * 6.2;
  }
  parts.push(
    `<circle class="cpu" cx="${x + 5}" cy="${y - 4}" r="2.6"/>`,
    textAt(x + 14, y, "by CPU time"),
  );
  x += 92;
  parts.push(lineAt(x, y - 10, x, y + 2, "aim", 2.5), textAt(x + 8, y, "aim, met"));
  x += 70;
  parts.push(lineAt(x, y - 10, x, y + 2, "missed", 2.5), textAt(x + 8, y, "aim, missed"));
  return parts.join("\n");
}

/** Cuts a text into lines of so many characters at the most. */
function wrapped(text, most) {
  const lines = [""];
  for (const word of text.split(" ")) {
    if (lines.at(-1).length + word.length > most) lines.push("");
    lines[lines.length - 1] += `${word} `;
  }
  return lines;
}

/**
 * Draws results of benchmarks that compare.
 *
 * @param results Each with `name`, `title`, `figure`, `rows`.
 * @param runtimes The panels, from left to right.
 * @param footer What stands below.
 */
export function plot(results, runtimes, footer) {
  const groups = groupsOf(results);
  const scale = scaleOf(groups);
  const lefts = runtimes.map((_, i) => margin + labelWidth + i * (panelWidth + panelGap));
  const width = lefts.at(-1) + panelWidth + margin;
  const body = [];
  let y = top;
  let last;
  for (const [i, { title, row, panels, isInverse }] of groups.entries()) {
    const most = Math.max(2, ...Object.values(panels).map(({ length }) => length));
    const height = most * barStep + 2 * groupPadding;
    if (i % 2 === 0) {
      body.push(
        `<rect class="band" x="${margin}" y="${y}" width="${width - 2 * margin}" height="${height}"/>`,
      );
    }
    const middle = y + height / 2;
    if (title !== last) body.push(textAt(margin + 6, middle - 3, title, { weight: 600 }));
    const note = isInverse ? `${row} (inverse)` : row;
    body.push(
      textAt(margin + 6, title === last ? middle + 4 : middle + 11, note, { kind: "soft" }),
    );
    last = title;
    for (const [panel, runtime] of runtimes.entries()) {
      const bars = panels[runtime] ?? [];
      const start = middle - (bars.length * barStep - (barStep - barHeight)) / 2;
      for (const [place, bar] of bars.entries()) {
        body.push(drawBar(bar, lefts[panel], start + place * barStep, scale));
      }
    }
    y += height;
  }
  const bottom = y;
  const lines = wrapped(footer, Math.floor(width / 5.6));
  const height = bottom + 14 + lines.length * 14 + 8;
  const titles = { node: "Node", deno: "Deno", bun: "Bun" };
  const bands = body.filter((part) => part.startsWith('<rect class="band"'));
  const others = body.filter((part) => !part.startsWith('<rect class="band"'));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="framewire against others, as ratios">`,
    `<style>${style}\n</style>`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    textAt(margin, 24, "framewire against others: so many times their figure, more is better", {
      size: 15,
      weight: 600,
    }),
    drawLegend(groups, 46),
    ...bands,
    ...runtimes.flatMap((runtime, i) => [
      textAt(lefts[i] + scale.at(1), top - 20, titles[runtime], { weight: 600, anchor: "middle" }),
      drawAxis(lefts[i], bottom, scale),
    ]),
    ...others,
    ...lines.map((line, i) =>
      textAt(margin, bottom + 18 + i * 14, line.trim(), { kind: "soft", size: 10 }),
    ),
    "</svg>",
    "",
  ].join("\n");
}
