/** A list of articles that the arrows walk through: one of them takes Tab (WAI-ARIA practices, feed). */
import type { Attachment } from "svelte/attachments";

/** Keys of a feed; articles are marked with `data-feed-item`. */
export const feed: Attachment<HTMLElement> = (list) => {
  const items = (): HTMLElement[] => [...list.querySelectorAll<HTMLElement>("[data-feed-item]")];
  const mark = (chosen: HTMLElement | undefined): void => {
    for (const item of items()) item.tabIndex = item === chosen ? 0 : -1;
  };
  const key = (event: KeyboardEvent): void => {
    const all = items();
    const at = all.indexOf(event.target as HTMLElement);
    if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    const next = to === undefined ? undefined : all[to];
    if (!next) return;
    event.preventDefault();
    next.focus();
  };
  const focus = (event: FocusEvent): void => {
    const item = (event.target as HTMLElement).closest<HTMLElement>("[data-feed-item]");
    if (item) mark(item);
  };
  const refresh = (): void => {
    if (!items().some(({ tabIndex }) => tabIndex === 0)) mark(items()[0]);
  };
  const watch = new MutationObserver(refresh);
  watch.observe(list, { childList: true, subtree: true });
  refresh();
  list.addEventListener("keydown", key);
  list.addEventListener("focusin", focus);
  return () => {
    watch.disconnect();
    list.removeEventListener("keydown", key);
    list.removeEventListener("focusin", focus);
  };
};
