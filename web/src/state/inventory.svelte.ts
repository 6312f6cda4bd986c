/** What is stored about this account, here and on the server; and what the server holds of one message. */
import type { Inventory, ServerView } from "../core/api.ts";
import { Ask } from "./ask.svelte.ts";
import { call } from "./host.ts";

export class DataInventory {
  readonly both: Ask<Inventory>;

  constructor() {
    this.both = new Ask(() => call("inventory"));
  }

  listen(): () => void {
    void this.both.refresh();
    return () => undefined;
  }
}

/** One side of the inventory as a file: what it is, when it was made, its rows. */
export function inventoryFile(side: "server" | "browser", inventory: Inventory, made: Date): string {
  const rows = side === "server" ? inventory.server : inventory.browser;
  const more = side === "browser" ? { used_bytes: inventory.used_bytes, persisted: inventory.persisted } : {};
  return `${JSON.stringify({ zajil: "data-inventory", side, made_at: made.toISOString(), ...more, rows }, null, 2)}\n`;
}

/** The server's row of one message, and whether it is still there. */
export class ServerRow {
  readonly view: Ask<ServerView>;

  constructor(chat: string, id: string) {
    this.view = new Ask(() => call("server_view", { chat, id }));
  }
}

/** Version and build of this client. id: SHA-256 of web-manifest.json as served, hex; rejects on a development server. */
export function findBuild(): { readonly version: string; readonly id: Promise<string> } {
  return { version: __ZAJIL_VERSION__, id: fetchBuildId() };
}

async function fetchBuildId(): Promise<string> {
  const answer = await fetch("./web-manifest.json", { cache: "no-cache", credentials: "omit" });
  if (!answer.ok) throw new Error(`web-manifest.json: ${String(answer.status)}`);
  const digest = await crypto.subtle.digest("SHA-256", await answer.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
