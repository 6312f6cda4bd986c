/** What the screens of people, groups, settings and linking do, over the seed build. */
import { readFileSync } from "node:fs";
import type { Server } from "node:http";
import { expect, test, type Page } from "@playwright/test";
import { encode } from "uqr";
import { startSite } from "./screens/site.ts";
import { NOW, idOf, person } from "./seed/world.ts";

const MARKET = idOf("chat Saturday market", 43);
const ANNA = person("Анна Соколова").account;
const MARTA = person("Marta Lindqvist").account;
const SAFETY = idOf(`safety ${MARTA}`, 140);

let site: { readonly url: string; readonly server: Server };
test.beforeAll(async () => {
  site = await startSite();
});
test.afterAll(() => {
  site.server.close();
});

test.use({ locale: "en-GB", timezoneId: "UTC", viewport: { width: 1280, height: 800 } });

const errors: string[] = [];
test.beforeEach(async ({ page }) => {
  errors.length = 0;
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.location().url.includes("web-manifest.json"))
      errors.push(message.text());
  });
  await page.clock.setFixedTime(NOW);
});
test.afterEach(() => {
  expect(errors).toEqual([]);
});

async function open(page: Page, fragment: string, scene = "busy"): Promise<void> {
  await page.goto(`${site.url}?scene=${scene}${fragment}`);
}

async function paste(page: Page, code: string): Promise<void> {
  await page.getByTestId("code-field").fill(code);
  await page.getByTestId("code-use").click();
}

/** In the page: a camera that looks at a QR code. rows: its modules, dark is true. */
function showToCamera(rows: boolean[][]): void {
  navigator.mediaDevices.getUserMedia = () => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = rows.length * 8;
    const context = canvas.getContext("2d");
    const paint = (): void => {
      if (context === null) return;
      context.fillStyle = "#fff";
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.fillStyle = "#000";
      for (const [y, row] of rows.entries())
        for (const [x, dark] of row.entries()) if (dark) context.fillRect(x * 8, y * 8, 8, 8);
    };
    paint();
    setInterval(paint, 100); // a stream has pictures only while something is drawn
    return Promise.resolve(canvas.captureStream(10));
  };
}

test.describe("a link from somebody", () => {
  test("shows who it is; the chat begins with a press only", async ({ page }) => {
    await open(page, "#/scan");
    await paste(page, "https://home.example/i#abcdefgh12345678");
    await expect(page.getByTestId("scan-found")).toContainText("Ирина");
    await expect(page.getByTestId("chat-row").filter({ hasText: "Ирина" })).toHaveCount(0);
    await page.getByTestId("scan-accept").click();
    await expect(page.getByTestId("composer")).toBeVisible();
    await expect(page.getByTestId("chat-row").filter({ hasText: "Ирина" })).toHaveCount(1);
  });

  test("a device's linking code is not taken here, and nobody is asked for a Yes", async ({ page }) => {
    await open(page, "#/scan");
    await paste(page, `https://home.example/l#${"a".repeat(118)}`);
    await expect(page.getByTestId("scan-device-code")).toBeVisible();
    await expect(page.getByTestId("link-yes")).toHaveCount(0);
  });

  test("what is no link says so beside the field", async ({ page }) => {
    await open(page, "#/scan");
    await paste(page, "bad");
    await expect(page.getByTestId("code-field")).toHaveAttribute("aria-invalid", "true");
    await expect(page.getByRole("alert")).toContainText("not a link or code");
  });

  test("a code held before the camera is read", async ({ page }) => {
    await page.addInitScript(showToCamera, encode("https://home.example/i#abcdefgh12345678", { border: 4 }).data);
    await open(page, "#/scan");
    await page.getByTestId("scan-camera").click();
    await expect(page.getByTestId("scan-found")).toContainText("Ирина");
  });

  test("no camera: says so and leaves the field", async ({ page }) => {
    await open(page, "#/scan");
    await page.getByTestId("scan-camera").click();
    await expect(page.getByText("There is no camera here")).toBeVisible();
    await expect(page.getByTestId("code-field")).toBeVisible();
  });
});

test("the own invite is the same on the next visit, and its QR code says the same", async ({ page }) => {
  await open(page, "#/invite");
  const link = (await page.getByTestId("invite-link").textContent()) ?? "";
  expect(link).toMatch(/^https:\/\/home\.example\/i#/);
  await expect(page.getByTestId("invite-qr")).toHaveAttribute("data-text", link);
  await page.evaluate(() => (location.hash = "#/settings"));
  await expect(page.getByTestId("settings")).toBeVisible();
  await page.evaluate(() => (location.hash = "#/invite"));
  await expect(page.getByTestId("invite-link")).toHaveText(link);
});

test("own links: made for one person, shown, counted, ended; a link that is spent says so", async ({ page }) => {
  await open(page, "#/invite");
  const links = page.getByTestId("own-link");
  await expect(links).toHaveCount(4); // the one on top, and three that the scene has
  await expect(links.filter({ hasText: "Made on another device" })).toContainText("2 people can still use it");
  await expect(page.locator('[data-kind="many"]').filter({ hasText: "4 of 20" })).toHaveCount(1);
  await page.getByTestId("link-once").click();
  const link = (await page.getByTestId("own-link-link").textContent()) ?? "";
  await expect(page.getByTestId("own-link-qr")).toHaveAttribute("data-text", link);
  const first = links.first();
  await expect(first).toHaveAttribute("data-kind", "once");
  await expect(first).toContainText("0 of 1");
  await first.getByTestId("own-link-end").click();
  await page.getByTestId("own-link-dialog-yes").click();
  await expect(links).toHaveCount(4);
  await expect(page.getByTestId("own-link-link")).toHaveCount(0);
  await open(page, "#/scan");
  await paste(page, "https://home.example/i#spent12345678");
  await page.getByTestId("scan-accept").click();
  await expect(page.getByTestId("scan-refused")).toContainText("no longer works");
});

test("a link that admits nobody: its owner is asked with one text, and the chat waits", async ({ page }) => {
  await open(page, "#/scan");
  await paste(page, "https://home.example/i#asking12345678");
  await expect(page.getByTestId("scan-found")).toContainText("lets nobody in");
  await expect(page.getByTestId("scan-accept")).toHaveCount(0);
  await expect(page.getByTestId("hello-send")).toBeDisabled();
  await page.getByTestId("hello-text").fill("ж".repeat(1025));
  await expect(page.getByTestId("hello-send")).toBeDisabled();
  await expect(page.getByTestId("hello").getByRole("alert")).toContainText("2,048");
  await page.getByTestId("hello-text").fill("Hello, we met at the market");
  await page.getByTestId("hello-send").click();
  await expect(page.getByTestId("chat-pending")).toContainText("Ирина");
  await expect(page.getByTestId("call-start")).toHaveCount(0);
  await expect(page.getByTestId("chat-row").filter({ hasText: "Ирина" })).toContainText("waiting for an answer");
  await page.evaluate(() => (location.hash = "#/new"));
  await expect(page.getByTestId("asked-row")).toContainText("Ирина");
});

test("a username is found exactly, and what is none says why", async ({ page }) => {
  await open(page, "#/scan");
  await paste(page, "@no");
  await expect(page.getByRole("alert")).toContainText("cannot be a username");
  await paste(page, "@nobody.here");
  await expect(page.getByRole("alert")).toContainText("Nobody has this username");
  await paste(page, "@Omar_42");
  await expect(page.getByTestId("found-person")).toContainText("@omar_42");
  await page.getByTestId("hello-text").fill("Hello");
  await page.getByTestId("hello-send").click();
  await expect(page.getByTestId("chat-pending")).toBeVisible();
});

test("the own username: taken, refused, given up", async ({ page }) => {
  await open(page, "#/settings/profile");
  await expect(page.getByTestId("username-held")).toContainText("@layla.h");
  await page.getByTestId("username-field").fill("taken_one");
  await page.getByTestId("username-save").click();
  await expect(page.getByTestId("username")).toContainText("is taken");
  await page.getByTestId("username-field").fill("@Layla_2");
  await page.getByTestId("username-save").click();
  await expect(page.getByTestId("username-held")).toContainText("@layla_2");
  await page.getByTestId("username-release").click();
  await page.getByTestId("username-dialog-yes").click();
  await expect(page.getByTestId("username-held")).toHaveCount(0);
});

test("a chat's menu in the list blocks, after a question, and unblocks", async ({ page }) => {
  await open(page, "#/");
  const row = page.getByTestId("chat-row").filter({ hasText: "Marta Lindqvist" });
  await row.click({ button: "right" });
  await page.getByTestId("row-block").click();
  await page.getByTestId("block-dialog-no").click();
  await row.click({ button: "right" });
  await page.getByTestId("row-block").click();
  await page.getByTestId("block-dialog-yes").click();
  await expect(page.getByTestId("block-dialog")).toHaveCount(0);
  await row.click({ button: "right" });
  await page.getByTestId("row-unblock").click();
  await row.click({ button: "right" });
  await expect(page.getByTestId("row-block")).toBeVisible();
});

test.describe("the safety number", () => {
  test("is 12 groups of 5 digits, left to right in every language", async ({ page }) => {
    await open(page, `#/people/${MARTA}`);
    const number = page.getByTestId("safety-number");
    await expect(number).toHaveText(/^\s*(\d{5}\s+){11}\d{5}\s*$/);
    await page.evaluate(() => localStorage.setItem("zajil.language", "ar"));
    await page.reload();
    await expect(page.locator("html")).toHaveAttribute("dir", "rtl");
    expect(await number.evaluate((element) => getComputedStyle(element).direction)).toBe("ltr");
  });

  test("the same code on the other side verifies; the mark can be taken back", async ({ page }) => {
    await open(page, `#/people/${MARTA}`);
    await page.getByTestId("safety-scan").click();
    await paste(page, SAFETY);
    await expect(page.getByTestId("safety-state")).toHaveText(/Verified/);
    await page.getByTestId("safety-unmark").click();
    await expect(page.getByTestId("safety-state")).toHaveText(/Not verified/);
  });

  test("another code warns and verifies nobody", async ({ page }) => {
    await open(page, `#/people/${MARTA}`);
    await page.getByTestId("safety-scan").click();
    await paste(page, "x".repeat(140));
    await expect(page.getByTestId("safety-result")).toContainText("differ");
    await expect(page.getByTestId("safety-state")).toHaveText(/Not verified/);
  });

  test("a changed key stands at the top until it was compared", async ({ page }) => {
    await open(page, `#/people/${ANNA}`, "key-changed");
    await expect(page.getByTestId("contact-key-changed")).toBeVisible();
    await expect(page.getByTestId("safety-mark")).toHaveCount(0);
    await page.getByTestId("contact-accept-key").click();
    await expect(page.getByTestId("contact-key-changed")).toHaveCount(0);
    await expect(page.getByTestId("safety-state")).toHaveText(/Verified/);
  });
});

test.describe("groups", () => {
  test("are made of a name and people, and not without", async ({ page }) => {
    await open(page, "#/new/group");
    await expect(page.getByTestId("group-create")).toBeDisabled();
    await page.getByTestId("group-title").fill("Книжный клуб");
    await expect(page.getByTestId("group-create")).toBeDisabled();
    await page.getByTestId("choose-row").filter({ hasText: "Marta" }).click();
    await page.getByTestId("choose-row").filter({ hasText: "Тимур" }).press("Enter");
    await page.getByTestId("group-create").click();
    await expect(page.getByTestId("chat-header")).toContainText("Книжный клуб");
  });

  test("a member is removed after a question only", async ({ page }) => {
    await open(page, `#/c/${MARKET}/info`);
    const sofia = page.getByTestId("member").filter({ hasText: "Sofia Reyes" });
    await sofia.getByTestId("member-menu").click();
    await page.getByTestId("member-remove").click();
    await page.getByTestId("remove-dialog-no").click();
    await expect(sofia).toHaveCount(1);
    await sofia.getByTestId("member-menu").click();
    await page.getByTestId("member-remove").click();
    await page.getByTestId("remove-dialog-yes").click();
    await expect(sofia).toHaveCount(0);
  });

  test("an admin may not touch an owner", async ({ page }) => {
    await open(page, `#/c/${MARKET}/info`);
    await page.getByTestId("member").filter({ hasText: "Marta" }).getByTestId("member-menu").click();
    await expect(page.getByTestId("member-contact")).toBeVisible();
    await expect(page.getByTestId("member-remove")).toHaveCount(0);
    await expect(page.getByTestId("member-make-admin")).toHaveCount(0);
  });

  test("are renamed, grow, and are left after a question", async ({ page }) => {
    await open(page, `#/c/${MARKET}/info`);
    await page.getByTestId("group-rename").click();
    await page.getByTestId("rename-title").fill("Sunday market");
    await page.getByTestId("rename-title").press("Enter");
    await expect(page.getByTestId("info-title")).toHaveText("Sunday market");
    await page.getByTestId("group-add").click();
    await page.getByTestId("choose-row").filter({ hasText: "Echo" }).click();
    await page.getByTestId("add-yes").click();
    await expect(page.getByTestId("member").filter({ hasText: "Echo" })).toHaveCount(1);
    await page.getByTestId("group-leave").click();
    await page.getByTestId("leave-dialog-yes").click();
    await expect(page.getByTestId("info-status")).toBeVisible();
    await expect(page.getByTestId("group-add")).toHaveCount(0);
  });
});

test.describe("settings", () => {
  test("language, theme, digits and size hold over a reload", async ({ page }) => {
    await open(page, "#/settings/appearance");
    await page.getByTestId("theme-dark").check({ force: true });
    await page.getByTestId("text-size-130").check({ force: true });
    await page.getByTestId("digits-arab").check({ force: true });
    await page.getByTestId("appearance").getByTestId("language-ar").check({ force: true });
    await expect(page.locator("html")).toHaveAttribute("dir", "rtl");
    await page.reload();
    await expect(page.locator("html")).toHaveAttribute("lang", "ar");
    await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
    await expect(page.getByTestId("text-size-130")).toBeChecked();
    await expect(page.getByTestId("text-size")).toContainText("١٣٠");
  });

  test("receipts and typing are switched by keyboard", async ({ page }) => {
    await open(page, "#/settings/privacy");
    const receipts = page.getByTestId("receipts-switch");
    await expect(receipts).toBeChecked();
    await receipts.focus();
    await page.keyboard.press("Space");
    await expect(receipts).not.toBeChecked();
    await expect(page.getByTestId("typing-switch")).toBeChecked();
  });

  test("the own name changes everywhere", async ({ page }) => {
    await open(page, "#/settings/profile");
    await page.getByTestId("profile-name").fill("ليلى");
    await page.getByTestId("profile-save").click();
    await page.getByTestId("back").first().click();
    await expect(page.getByTestId("settings-profile")).toContainText("ليلى");
  });

  test("logging out asks, and says what is lost with the only device", async ({ page }) => {
    await open(page, "#/settings", "fresh");
    await page.getByTestId("log-out").click();
    await expect(page.getByTestId("log-out-dialog")).toContainText("only device");
    await page.keyboard.press("Escape");
    await expect(page.getByTestId("log-out-dialog")).toHaveCount(0);
    await page.getByTestId("log-out").click();
    await page.getByTestId("log-out-dialog-yes").click();
    await expect(page.getByTestId("stopped")).toHaveAttribute("data-reason", "erased");
  });

  test("the inventory is saved as JSON", async ({ page }) => {
    await open(page, "#/settings/data");
    const download = page.waitForEvent("download");
    await page.getByTestId("data-save-server").click();
    const file = JSON.parse(readFileSync(await (await download).path(), "utf8")) as { side: string; rows: unknown[] };
    expect(file.side).toBe("server");
    expect(file.rows.length).toBeGreaterThan(10);
  });

  test("without the server the browser's side still shows", async ({ page }) => {
    await open(page, "#/settings/data", "offline");
    await expect(page.getByTestId("data-server")).toContainText("cannot be reached");
    await expect(page.getByTestId("data-save-server")).toHaveCount(0);
    await expect(page.getByTestId("data-save-browser")).toBeVisible();
  });
});

test.describe("linking", () => {
  test("a further device gets in by an explicit Yes", async ({ page }) => {
    await open(page, "#/settings/link");
    await paste(page, `https://home.example/l#${"a".repeat(118)}`);
    await expect(page.getByTestId("link-name")).toHaveText("Chromium on Linux");
    await expect(page.getByTestId("link-emoji")).toHaveText("🐢🍋⛵");
    await page.getByTestId("link-no").click();
    await expect(page.getByTestId("code-field")).toBeVisible();
    await paste(page, `https://home.example/l#${"a".repeat(118)}`);
    await page.getByTestId("link-yes").click();
    await expect(page.getByTestId("link-linked")).toBeVisible();
  });

  test("an expired code says so", async ({ page }) => {
    await open(page, "#/settings/link");
    await paste(page, `https://home.example/l#expired${"a".repeat(100)}`);
    await expect(page.getByTestId("link-trouble")).toContainText("expired");
    await expect(page.getByTestId("link-yes")).toHaveCount(0);
  });

  test("a linking code opened as a link only explains", async ({ page }) => {
    await open(page, `#/l/${"a".repeat(118)}`);
    await expect(page.getByTestId("link-page")).toBeVisible();
    await expect(page.getByTestId("link-yes")).toHaveCount(0);
  });

  test("this browser shows code, pictures and the time left; later the chats", async ({ page }) => {
    await open(page, "", "linking-waiting");
    await page.getByTestId("start-link").click();
    const code = (await page.getByTestId("link-code").textContent()) ?? "";
    await expect(page.getByTestId("link-qr")).toHaveAttribute("data-text", code);
    await expect(page.getByTestId("link-left")).toContainText("97");
    await open(page, "", "linking-done");
    await page.getByTestId("start-link").click();
    await expect(page.getByTestId("chat-list")).toBeVisible();
  });
});

test("what the server holds of a message: bytes, columns, and no sender", async ({ page }) => {
  await open(page, `#/inside/${MARKET}/${idOf(`message ${MARKET} 321`, 43)}`);
  await expect(page.getByTestId("view-now")).toHaveAttribute("data-now", "held");
  await expect(page.getByTestId("view-head")).toHaveText(/^([0-9a-f]{2} )+…$/);
  await expect(page.getByTestId("view-columns")).toContainText("message.body");
  await expect(page.getByTestId("view-absent")).toContainText("who wrote it");
  const held = (await page.getByTestId("view-server").textContent()) ?? "";
  expect(held).not.toContain("Sofia");
});
