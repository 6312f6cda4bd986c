/** Local notifications while a tab lives: for what comes in while nobody looks at its chat. */
import type { CoreEvent } from "../core/api.ts";
import { cleanName, isolate } from "../i18n/bidi.ts";
import { t } from "../i18n/catalogue.ts";
import { codeOf } from "../i18n/errors.ts";
import { sayBody } from "../i18n/files.ts";
import { browser, call, listen } from "./host.ts";
import { settings } from "./settings.svelte.ts";
import { toasts } from "./toasts.svelte.ts";

type Incoming = Extract<CoreEvent, { event: "incoming" }>;

/** The chat on screen; set by the chat pane. */
export const watched = $state<{ chat: string | undefined }>({ chat: undefined });

/** open: leads to a chat. */
export function startNotifying(open: (chat: string) => void): void {
  settings.start();
  if (browser().readPreference("push") === "yes")
    void import("./push/push.svelte.ts").then(
      ({ push }) => push.start(),
      () => undefined, // without its code it waits for the next start
    );
  listen((event) => {
    if (event.event === "incoming") tell(event, open);
    else if (event.event === "chat" && told[event.chat] !== undefined) void settle(event.chat).catch(() => undefined);
  });
}

/** Chats of which this page has notified, and the message that it shows of each. */
let told: Readonly<Record<string, string>> = {};

/** What was read, here or on another device, is shown no more, nor what is gone or was deleted by who said it. */
async function settle(chat: string): Promise<void> {
  const { unread } = await call("chat", { id: chat });
  const id = told[chat];
  if (id === undefined || (unread > 0 && (await stands(chat, id)))) return;
  if (told[chat] !== id) return; // another one came meanwhile
  const { [chat]: _withdrawn, ...others } = told;
  told = others;
  browser().withdraw(`chat-${chat}`);
}

/** The lock closes: nothing that this page notified of stays in sight. */
export function withdrawAll(): void {
  for (const chat of Object.keys(told)) browser().withdraw(`chat-${chat}`);
  told = {};
}

async function stands(chat: string, id: string): Promise<boolean> {
  try {
    return !(await call("message", { chat, id })).message.deleted;
  } catch (problem) {
    return codeOf(problem) !== "unknown-chat";
  }
}

function tell(event: Incoming, open: (chat: string) => void): void {
  // Of a muted chat one is told nothing but that one is mentioned, as in Signal; what is on screen is read aloud.
  if (event.muted && !event.mentioned && watched.chat !== event.chat) return;
  const seen = browser().visible();
  const body = sayBody(event);
  if (seen) {
    toasts.say(t.said({ who: isolate(event.sender.name), text: body.slice(0, 200) }));
    return;
  }
  if ((event.muted && !event.mentioned) || !settings.now.notifications) return;
  const [sender, title] = [cleanName(event.sender.name), cleanName(event.title)];
  told = { ...told, [event.chat]: event.id };
  browser().notify({
    title:
      title === "" || title === sender ? sender : t.name_in_group({ name: isolate(sender), group: isolate(title) }),
    body: body.slice(0, 300),
    tag: `chat-${event.chat}`,
    press: () => open(event.chat),
  });
}
