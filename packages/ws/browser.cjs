"use strict";

module.exports = function () {
  throw new Error("ws does not work in the browser: use its own WebSocket");
};
