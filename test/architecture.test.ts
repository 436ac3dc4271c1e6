import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { closingPicture } from "./support/closing-picture.ts";

const file = join(fileURLToPath(new URL("..", import.meta.url)), "ARCHITECTURE.md");
const parts = /(<!-- closing: [^\n]* -->\n)([\s\S]*?)(<!-- \/closing -->)/;

it("ARCHITECTURE.md draws the end of a connection as the table has it", () => {
  const text = readFileSync(file, "utf8");
  const picture = `\n${closingPicture().join("\n")}\n\n`;
  if (process.env.CLOSING_PICTURE === "write") {
    writeFileSync(file, text.replace(parts, `$1${picture}$3`));
  }
  expect(parts.exec(readFileSync(file, "utf8"))?.[2]).toBe(picture);
});
