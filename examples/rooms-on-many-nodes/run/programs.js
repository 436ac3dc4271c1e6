import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";

/** The commands that install what the example needs, by name. */
const installation = {
  "redis-server": "apt-get install redis-server, or brew install redis",
  "redis (the package)": "npm install redis",
  haproxy: "apt-get install haproxy, or brew install haproxy",
  nginx: "apt-get install nginx, or brew install nginx",
  deno: "npm install deno",
  bun: "npm install bun",
};

/** @typedef {keyof typeof installation} ProgramName */

/** The error for something that is not installed. Its message has the command that installs it. */
export class Missing extends Error {
  /** @param {...ProgramName} names The example needs one of these. */
  constructor(...names) {
    const ways = names.map((name) => `\n  ${name}: ${installation[name]}`);
    super(
      `not installed${names.length > 1 ? ", and one of these is needed" : ""}:${ways.join("")}`,
    );
  }
}

/**
 * Finds a program in PATH, or where Debian puts servers.
 *
 * @param {ProgramName} name
 * @returns {string | undefined}
 */
export function findProgram(name) {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** @param {ProgramName} name @returns {string} @throws {Missing} */
export function needProgram(name) {
  const program = findProgram(name);
  if (program === undefined) throw new Missing(name);
  return program;
}

/** Tells whether a package of npm is installed. @param {string} name */
export function hasPackage(name) {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
