import { ensureBuilt } from "../../scripts/built.mjs";

/** Builds the package once, before any test starts a program of it: two builds at a time would be in each other's way. */
export function setup(): void {
  ensureBuilt();
}
