"use strict";

// The class itself, with all others on it. An ES module can be required from Node 20.19 on, on Deno and on Bun.
module.exports = require("framewire/ws").default;
