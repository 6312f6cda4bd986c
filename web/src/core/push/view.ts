/** What crosses between a tab and the worker about push. The page alone can ask the browser for a subscription. */

export interface PushCalls {
  /** The server's key for pushes, b64 of 65 bytes; empty where it sends none. */
  push_key(): string;
  /** Wake this device there from now on. p256dh, auth: b64. Throws `push-refused`, `unreachable`. */
  set_push(a: { endpoint: string; p256dh: string; auth: string }): void;
  /** Do not wake this device any more. */
  drop_push(): void;
}
