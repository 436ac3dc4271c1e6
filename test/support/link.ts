import { type Connection, linkOf as behind } from "../../src/connection/connection.ts";
import type { Link } from "../../src/connection/link.ts";

/** Gives the link behind a connection, with all that its Connection does not ask of it. */
export function linkOf(ws: Connection): Link {
  return behind(ws) as Link;
}
