/** `framewire/auto` where no adapter fits the runtime. @module framewire/auto */

throw new Error(
  "framewire/auto found no adapter for this runtime: import framewire/node, framewire/deno or framewire/bun, or bring " +
    "your own transport to serveOn() from framewire",
);
