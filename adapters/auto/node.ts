/** `framewire/auto` where the runtime is Node. @module */
export { listen, serve } from "../node.ts";
