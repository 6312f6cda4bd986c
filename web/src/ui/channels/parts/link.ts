/** The address under which the server shows a channel or post to everybody, without an account. */
export function publicLink(handle: string, post?: string): string {
  const path = `c/${encodeURIComponent(handle)}${post === undefined ? "" : `/${post}`}`;
  return new URL(path, location.href.replace(/[?#].*$/, "")).href;
}
