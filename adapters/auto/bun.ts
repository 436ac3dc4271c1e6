/** `framewire/auto` where the runtime is Bun. @module */
export { listen, serve } from "../bun.ts";
