import process from "node:process";
import { ensureBuilt } from "../../scripts/built.mjs";

/**
 * Builds the package once, before any test starts a program of it: two builds at a time would be in each other's way.
 * `npm run test:quick` has seen to that itself, where it is needed.
 */
export function setup(): void {
  if (process.env["FRAMEWIRE_BUILD"] !== "no") ensureBuilt();
}
