/** Somebody is threatened in a private chat and reports it from the browser: what is shown, sent, refused, and read. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Hands } from "./acts.ts";
import { BIN } from "./programs.ts";
import { expect, ON_THE_SERVER, type Server, test } from "./world.ts";

interface Kept {
  readonly kind: number;
  readonly report: {
    readonly sender_account?: string;
    readonly items: readonly { readonly text: string }[];
    readonly reason: string;
    readonly note: string;
  };
}

const PASSPHRASE = "correct horse battery";

/** The first passphrase, as whoever runs the server chooses it; before it nobody can report. */
const CHOOSE = `
import sys
from pathlib import Path
from zajil.server.review.staff_admin import set_private_passphrase
set_private_passphrase(Path(sys.argv[1]), sys.argv[2])
`;

/** What whoever has the passphrase reads; bytes as base64. */
const READ_INBOX = `
import json, sqlite3, sys
from pathlib import Path
import msgspec
from zajil.moderation.private.keys import ModeratorKeys
data = Path(sys.argv[1])
keys = ModeratorKeys(data, clock=lambda: 0.0)
keys.unlock(sys.argv[2])
rows = sqlite3.connect(data / "zajil.db").execute("SELECT id, kind, body FROM mod_report ORDER BY n").fetchall()
opened = [(kind, keys.open(body, context=bytes([kind]) + report)) for report, kind, body in rows]
print(json.dumps([{"kind": k, "report": msgspec.to_builtins(msgspec.msgpack.decode(b))} for k, b in opened]))
`;

function readInbox(server: Server): Kept[] {
  return JSON.parse(
    execFileSync(join(BIN, "python"), ["-c", READ_INBOX, server.data, PASSPHRASE]).toString(),
  ) as Kept[];
}

test("a threat is reported with proof, and without the server's mark as a complaint", async ({
  server,
  arrive,
  member,
}) => {
  execFileSync(join(BIN, "python"), ["-c", CHOOSE, server.data, PASSPHRASE]);
  const { invite, link } = server.invite(2);
  const pia = member();
  const account = await pia.ask<string>("register", { server: server.url, name: "Pia", invite });
  const anna = new Hands((await arrive()).page);
  await anna.open(link);
  await anna.signUp("Anna");
  await anna.addPerson(await pia.ask<string>("contact_link"));
  await anna.say("hello");
  await expect(anna.state("hello")).toHaveAttribute("data-state", ON_THE_SERVER);
  await pia.ask("sync");
  const threat = "I know where you live. سأجدك";
  await pia.ask("send", { chat: "Anna", text: threat });
  await anna.sees(threat);

  // Own messages have no such entry; of others' she sees exactly what is sent.
  await anna.menu("hello");
  await expect(anna.see("message-menu")).toBeVisible();
  await expect(anna.see("menu-report")).toHaveCount(0);
  await anna.page.keyboard.press("Escape");
  await anna.menu(threat);
  await anna.press("menu-report");
  await expect(anna.see("report-texts").getByRole("listitem")).toHaveCount(1);
  await expect(anna.see("report-texts")).toContainText(threat);
  await expect(anna.see("report-dialog")).toContainText("Pia");
  await expect(anna.see("report-send")).toBeDisabled();
  await anna.see("report-reason-violence_incitement").check({ force: true });
  await anna.see("report-note").fill("since yesterday");
  await anna.press("report-send");
  await expect(anna.see("report-done")).toBeVisible();
  await anna.press("report-close");
  await expect(anna.see("report-dialog")).toHaveCount(0);
  const [report] = readInbox(server);
  expect(report).toMatchObject({ kind: 1, report: { reason: "violence_incitement", note: "since yesterday" } });
  expect(report?.report.items.map(({ text }) => text)).toEqual([threat]);
  const sender = Buffer.from(report?.report.sender_account ?? "", "base64").toString("base64url");
  expect(sender).toBe(account);

  // The server no longer knows its marks: it refuses, keeps nothing, and she may still be heard.
  const path = join(server.data, "zajil.key");
  const keys = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  await server.stop();
  writeFileSync(path, JSON.stringify({ ...keys, frank: { "1": "00".repeat(32) } }));
  server.zajil("admin", "keys", "accept-loss", "--data", server.data, "--yes");
  await server.start();
  await anna.menu(threat);
  await anna.press("menu-report");
  await anna.see("report-reason-harassment").check({ force: true });
  // The way to the server comes back by itself.
  await expect(async () => {
    await anna.press("report-send");
    await expect(anna.see("report-refused")).toBeVisible({ timeout: 2_000 });
  }).toPass();
  expect(readInbox(server)).toHaveLength(1);
  await anna.press("report-complain");
  await expect(anna.see("report-done")).toBeVisible();
  const complaint = readInbox(server)[1];
  expect(complaint).toMatchObject({ kind: 2, report: { reason: "harassment", note: "" } });
  expect(complaint?.report.items.map(({ text }) => text)).toEqual([threat]);
});
