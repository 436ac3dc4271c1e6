// This file answers requests for the page's files.
import { readFile } from "node:fs/promises";

const folder = new URL("page/", import.meta.url);
// The page loads the package's own files. For many users, bundle them with the page: framewire/browser is less than 6 KiB then.
const framewire = import.meta.resolve("framewire/browser");
const fileOfFramewire = /^\/framewire\/((?:shared\/)?[\w.-]+\.mjs)$/;

/** The files that are served, by path. @type {Record<string, [name: string, type: string]>} */
const files = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/style.css": ["style.css", "text/css"],
  "/page.js": ["page.js", "text/javascript"],
  "/room.js": ["room.js", "text/javascript"],
};

/**
 * Answers a request for a file of the page.
 *
 * @param {string} path
 * @returns {Promise<import("framewire").HttpAnswer>}
 */
export async function fileAt(path) {
  const own = Object.hasOwn(files, path) ? files[path] : undefined;
  if (own !== undefined) return answer(new URL(own[0], folder), own[1]);
  const name = fileOfFramewire.exec(path)?.[1];
  if (name === undefined) return { status: 404, body: "Not found\n" };
  return answer(new URL(name, framewire), "text/javascript");
}

/** @param {URL} file @param {string} type @returns {Promise<import("framewire").HttpAnswer>} */
async function answer(file, type) {
  try {
    const body = await readFile(file, "utf8");
    return {
      headers: [
        ["Content-Type", type],
        ["Cache-Control", "no-cache"],
      ],
      body,
    };
  } catch {
    return { status: 404, body: "Not found\n" };
  }
}
