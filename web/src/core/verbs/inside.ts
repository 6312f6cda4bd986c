/** What the server and this browser hold: the row of one message, the data inventory (web.md 7). */
import type { Inventory, ServerView } from "../api.ts";
import { encodeHex } from "../../protocol/bytes.ts";
import { Refused, ZajilError } from "../../protocol/errors.ts";
import type { StoredCell } from "../../protocol/control.ts";
import type { Wire } from "../state/rows.ts";
import type { Handlers, Host } from "./handlers.ts";
import { fetchMailboxRow, fetchOwnData } from "./remote.ts";
import { findLine } from "./talk.ts";

/** What no column of a message's row says. */
export const ABSENT = ["sender", "recipients", "names", "text", "members"] as const;

/** Calls about what is stored where. */
export function insideVerbs(host: Host): Handlers<"server_view" | "inventory"> {
  return {
    async server_view({ id }) {
      const [, message] = await host.core().look((look) => findLine(look, id));
      const { wire } = message;
      if (wire === null) {
        const own = message.state !== "received" && message.state !== "sent";
        return { now: own ? "not-sent" : "unknown", absent: ABSENT };
      }
      return { row: rowView(wire), absent: ABSENT, ...(await askNow(host, wire)) };
    },
    async inventory() {
      const estimate = await storageEstimate();
      const browser = (await host.store.usage()).map(({ table, rows, bytes }) => ({ store: table, rows, bytes }));
      return { browser, ...estimate, ...(await serverRows(host)) };
    },
  };
}

function rowView(wire: Wire): NonNullable<ServerView["row"]> {
  return { ...wire, head: encodeHex(wire.head) };
}

async function askNow(host: Host, wire: Wire): Promise<Pick<ServerView, "now" | "columns">> {
  try {
    const cells = await fetchMailboxRow(host, wire.id);
    return { now: "held", columns: cells.map(columnView) };
  } catch (problem) {
    if (problem instanceof Refused && problem.code === "gone") return { now: "deleted" };
    if (problem instanceof ZajilError) return { now: "unknown" };
    throw problem;
  }
}

function columnView(cell: StoredCell): NonNullable<ServerView["columns"]>[number] {
  const value = cell.withheld ? "" : cell.value === null ? "NULL" : String(cell.value);
  return { table: cell.table, name: cell.name, class: cell.class, value };
}

async function storageEstimate(): Promise<Pick<Inventory, "used_bytes" | "persisted">> {
  const storage = navigator.storage as StorageManager | undefined;
  if (storage === undefined) return { used_bytes: 0, persisted: false };
  const { usage } = await storage.estimate();
  return { used_bytes: usage ?? 0, persisted: await storage.persisted() };
}

async function serverRows(host: Host): Promise<Pick<Inventory, "server" | "server_error">> {
  try {
    const found = await fetchOwnData(host);
    return { server: found.map((row) => ({ ...row, rows: row.rows ?? 0 })) };
  } catch (problem) {
    if (problem instanceof ZajilError) return { server: [], server_error: problem.code };
    throw problem;
  }
}
