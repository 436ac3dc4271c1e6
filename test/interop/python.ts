/**
 * Libraries for the system's Python: what they are called, and whether they are there.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Not the first python3 of PATH: the libraries belong to the system's. */
export const pythonProgram = "/usr/bin/python3";

/** By the name that files here have for it: what Debian calls its packages, and Python that fails without them. */
const libraries = {
  websockets: ["python3-websockets", "import websockets"],
  aiohttp: ["python3-aiohttp", "import aiohttp"],
  tornado: ["python3-tornado", "import tornado.websocket"],
  soup: [
    "python3-gi gir1.2-soup-3.0",
    'import gi; gi.require_version("Soup", "3.0"); import gi.repository.Soup',
  ],
  qt: ["python3-pyqt5.qtwebsockets", "import PyQt5.QtWebSockets"],
} as const;

export type PythonLibrary = keyof typeof libraries;

/** How a library gets onto a machine. */
export function installationOf(library: PythonLibrary): string {
  return `apt-get install ${libraries[library][0]}`;
}

/** Why a library is not here; undefined where it is. */
export function missingLibrary(library: PythonLibrary): string | undefined {
  if (!existsSync(pythonProgram)) return `there is no ${pythonProgram}`;
  const { status, stderr } = spawnSync(pythonProgram, ["-c", libraries[library][1]], {
    encoding: "utf8",
  });
  return status === 0 ? undefined : stderr.trim();
}
