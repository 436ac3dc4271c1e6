/** `framewire/auto` where the runtime is Deno. @module */
export { listen, serve } from "../deno.ts";
