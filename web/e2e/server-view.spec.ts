/** What the server sees: the panel shows the very row of the server's file, and says when it is gone. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { Hands } from "./acts.ts";
import { BIN } from "./programs.ts";
import { ON_THE_SERVER, type Server, expect, test } from "./world.ts";

const OPEN = `
import json, sys
from pathlib import Path
from zajil.engine.keys import Keys
data, id_, sealed = Path(sys.argv[1]), bytes.fromhex(sys.argv[2]), bytes.fromhex(sys.argv[3])
print(Keys.load(data / "zajil.key").unseal("message", sealed, aad=id_)[16:].hex())
`;

/** The ciphertext of a stored row, opened with the server's own key file. */
function ciphertextOf(server: Server, row: { id: string; body: string }): Buffer {
  const opened = execFileSync(join(BIN, "python"), ["-c", OPEN, server.data, row.id, row.body]);
  return Buffer.from(opened.toString().trim(), "hex");
}

const hexOf = (b64: string): string => Buffer.from(b64, "base64url").toString("hex");

/** Open the panel of a message; the facts of it as they stand there. */
async function lookInside(
  anna: Hands,
  text: string,
): Promise<{ now: string | null; page: string; columns: Map<string, string> }> {
  await anna.menu(text);
  await anna.press("menu-inside");
  await expect(anna.see("view-now")).toBeVisible();
  const columns = new Map<string, string>();
  for (const row of await anna.see("view-columns").locator(".column-row").all()) {
    const [name, value] = [await row.locator(".code").first().textContent(), await row.locator(".value").textContent()];
    columns.set((name ?? "").trim(), (value ?? "").trim());
  }
  const page = await anna.see("server-view").innerText();
  return { now: await anna.see("view-now").getAttribute("data-now"), page, columns };
}

test("the panel is the row of the server's database; once every device has it, it is gone", async ({
  server,
  arrive,
  member,
}) => {
  const { invite, link } = server.invite(2);
  const pia = member();
  await pia.ask("register", { server: server.url, name: "Pia", invite });
  const anna = new Hands((await arrive()).page);
  await anna.open(link);
  await anna.signUp("Anna");
  // A second device of Anna's, which then goes away: the server keeps for it what comes.
  const terminal = member();
  const code = await terminal.ask<string>("link_new", { server: server.url });
  await anna.approveLink(code);
  expect(await terminal.line()).toHaveProperty("ok");
  await expect(anna.see("link-linked")).toBeVisible();
  await anna.addPerson(await pia.ask<string>("contact_link"));
  await anna.say("hello");
  await expect(anna.state("hello")).toHaveAttribute("data-state", ON_THE_SERVER);
  await pia.ask("sync");
  await terminal.ask("sync");
  await terminal.end();
  await pia.ask("send", { chat: "Anna", text: "look at me" });
  await anna.sees("look at me");

  const seen = await lookInside(anna, "look at me");
  expect(seen.now).toBe("held");
  const id = hexOf(seen.columns.get("message.id") ?? "");
  const [row] = server.sql<{ id: string; body: string } & Record<string, string | number>>(
    "SELECT * FROM message WHERE hex(id) = ?",
    id.toUpperCase(),
  );
  if (row === undefined) throw new Error("the panel names a row that is not there");
  // Every column of the table stands in the panel as it is, or says that it is withheld: how many still wait for it.
  for (const [name, value] of Object.entries(row)) {
    const shown = seen.columns.get(`message.${name}`);
    if (name === "refs") expect(shown).toBe("not shown");
    else if (typeof value === "string") expect(hexOf(shown ?? ""), name).toBe(value);
    else expect(shown, name).toBe(String(value));
  }
  // The ciphertext: its first bytes, its size and its hash.
  const ciphertext = ciphertextOf(server, row);
  const head = ((await anna.see("view-head").textContent()) ?? "").replace(/[^0-9a-f]/g, "");
  expect(head.length).toBeGreaterThanOrEqual(32);
  expect(ciphertext.toString("hex").startsWith(head)).toBe(true);
  expect(((await anna.see("view-size").textContent()) ?? "").replace(/\D/g, "")).toBe(String(ciphertext.length));
  expect(seen.page).toContain(createHash("sha256").update(ciphertext).digest("base64url"));
  // What is not there: neither words nor names lie in the file.
  const everything = JSON.stringify(server.sql("SELECT * FROM message"));
  for (const secret of ["look at me", "Anna", "Pia"])
    expect(everything).not.toContain(Buffer.from(secret).toString("hex"));

  // The other device comes back and takes it: the row is deleted, and the panel says so.
  const again = member(terminal.home);
  await again.ask("open");
  await again.ask("sync");
  await expect
    .poll(() => server.sql("SELECT 1 FROM message WHERE hex(id) = ?", id.toUpperCase()).length, { timeout: 30_000 })
    .toBe(0);
  await anna.openChat("Pia");
  const later = await lookInside(anna, "look at me");
  expect(later.now).toBe("deleted");
  expect(later.columns.size).toBe(0);
});

test("the data inventory names every table of the server's database", async ({ server, arrive }) => {
  const anna = new Hands((await arrive()).page);
  await anna.open(server.invite().link);
  await anna.signUp("Anna");
  await anna.goTo("#/settings/data");
  await expect(anna.see("data-server")).toBeVisible();
  const tables = server.sql<{ name: string }>(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'alembic%'",
  );
  expect(tables.length).toBeGreaterThan(5);
  const shown = (await anna.see("data-server").textContent()) ?? "";
  for (const { name } of tables) expect(shown, name).toContain(name);
  const browser = (await anna.see("data-browser").textContent()) ?? "";
  for (const store of ["message", "chat", "mls_ratchet", "outbox"]) expect(browser, store).toContain(store);
});
