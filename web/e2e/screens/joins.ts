/** Groups by link: who may do what, links, who asks; a link that was opened, and what became of asking by it. */
import type { Page } from "@playwright/test";
import { idOf } from "../seed/world.ts";
import { press, seeing, type Screen } from "./steps.ts";

const MARKET = idOf("chat Saturday market", 43);
const TRAVEL = idOf("chat Клуб путешественников", 43);

/** The part of a group's page into view: it stands below the members. */
const down =
  (testid: string, then?: (page: Page) => Promise<void>) =>
  async (page: Page): Promise<void> => {
    await page.getByTestId(testid).scrollIntoViewIfNeeded();
    await page.getByTestId(testid).evaluate((part) => part.scrollIntoView({ block: "start" }));
    await then?.(page);
  };

async function autoRefused(page: Page): Promise<void> {
  await seeing("link-make", "link-dialog")(page);
  await page.getByTestId("link-auto").check();
  await seeing("link-make-yes", "link-error")(page);
}

async function made(page: Page): Promise<void> {
  await seeing("link-make", "link-dialog")(page);
  await page.getByTestId("link-days-30").check();
  await seeing("link-make-yes", "link-url")(page);
  await page.getByTestId("link-url").evaluate((url) => url.scrollIntoView({ block: "end" }));
}

const market = (name: string, steps: (page: Page) => Promise<void>): Screen => ({
  ...{ name, scene: "admins-write", fragment: `#/c/${MARKET}/info` },
  ...{ ready: "permissions", steps },
});
const opened = (name: string, fragment: string, ready: string): Screen => ({
  ...{ name: `opened-group${name}`, scene: "busy" },
  ...{ fragment: `#/g/${fragment}12345678`, ready },
});
const writing = (name: string, scene: string, chat: string, ready: string): Screen => ({
  ...{ name, scene, ready },
  fragment: `#/c/${chat}`,
});

export const JOINS: readonly Screen[] = [
  market("group-permissions", down("permissions")),
  { ...market("group-permissions-member", down("permissions")), fragment: `#/c/${TRAVEL}/info` },
  market("group-requests", down("join-requests")),
  market("group-request-accepted", down("join-requests", press("request-accept"))),
  market("group-links", down("group-links")),
  market("group-link-shown", down("group-links", seeing("link-show", "link-qr"))),
  market("group-link-make", down("group-links", seeing("link-make", "link-dialog"))),
  market("group-link-made", down("group-links", made)),
  market("group-link-refused", down("group-links", autoRefused)),
  market("group-link-end", down("group-links", seeing("link-end", "link-end-dialog"))),
  { name: "start-group-link", scene: "empty", fragment: "#/g/new12345678", ready: "start-group" },
  opened("", "new", "opened-group-ask"),
  opened("-unnamed", "unnamed", "opened-group-ask"),
  opened("-asked", "asked", "opened-group-asked"),
  opened("-expired", "expired", "opened-group-expired"),
  opened("-in", "inside", "opened-group-open"),
  opened("-ours", "ours", "opened-group"),
  opened("-elsewhere", "elsewhere", "opened-group"),
  opened("-bad", "bad", "load-failed"),
  { ...opened("-refused", "used", "opened-group-ask"), steps: seeing("opened-group-ask", "opened-group-error") },
  { name: "my-requests", scene: "asked", fragment: "#/new", ready: "my-request" },
  writing("chat-admins-write", "admins-write", TRAVEL, "chat-admins-write"),
  writing("chat-group-notices", "admins-write", MARKET, "notice"),
  writing("chat-not-introduced", "not-introduced", MARKET, "chat-not-introduced"),
  writing("chat-not-introduced-one", "not-introduced-one", MARKET, "chat-not-introduced"),
];
