/** Text to the clipboard, and a word about it. */
import { t } from "../../i18n/catalogue.ts";
import { browser } from "../../state/host.ts";
import { toasts } from "../../state/toasts.svelte.ts";

export async function copyText(text: string): Promise<void> {
  if (await browser().copy(text)) toasts.show(t.copied());
  else toasts.show(t.copy_failed(), "danger");
}
