/** From a candidate to a carrier: which address, which strategy, sealed or plain. */
import { type Role, ROLE_PATHS } from "../../protocol/frames.ts";

/** The WebSocket address of a role at the server itself. r: four hex digits. */
export function roleUrl(base: URL, role: Role, r: string): string {
  const url = new URL(ROLE_PATHS[role].slice(1), base);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = `r=${r}`;
  return url.href;
}
