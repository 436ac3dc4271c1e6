/**
 * What figures depend on: the machine, and versions.
 */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { root, runtimeCommand } from "../scripts/built.mjs";
import { canPin } from "./programs.mjs";

function versionOf(name) {
  try {
    return JSON.parse(readFileSync(join(root, name, "package.json"), "utf8")).version;
  } catch {
    return "none";
  }
}

function firstLine([program, ...args]) {
  const { stdout } = spawnSync(program, args, { encoding: "utf8" });
  return (stdout ?? "none").split("\n")[0];
}

export function describeMachine() {
  const [cpu] = cpus();
  const { glibcVersionRuntime: glibc } = process.report.getReport().header;
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: `${cpus().length} x ${cpu.model.trim()}`,
    memory: `${Math.round(totalmem() / 1024 ** 3)} GiB`,
    system: `${firstLine(["uname", "-sr"])}${glibc === undefined ? "" : `, glibc ${glibc}`}`,
    pinned: canPin,
    versions: {
      framewire: versionOf("."),
      node: process.versions.node,
      deno: firstLine([runtimeCommand("deno")[0], "--version"]).split(" ")[1],
      bun: firstLine([runtimeCommand("bun")[0], "--version"]),
      ws: versionOf("node_modules/ws"),
      bufferutil: versionOf("node_modules/bufferutil"),
      "uWebSockets.js": versionOf("node_modules/@btc-vision/uwebsockets.js"),
    },
  };
}

/** The machine in one line. */
export function machineText({ date, cpu, memory, system, pinned, versions }) {
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const cores = pinned
    ? "server and load on a core each"
    : "server and load NOT kept to cores of their own: there is no taskset";
  return `${date}, ${cpu}, ${memory}, ${system}; ${names.join(", ")}; ${cores}`;
}
