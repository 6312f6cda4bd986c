/** Short words about what has just happened, and the one line that is read aloud. */

export interface Toast {
  readonly id: number;
  readonly text: string;
  /** ok: a press did what it should; note: something happened; danger: something did not work. */
  readonly kind: "ok" | "note" | "danger";
}

const SHOWN_MS = 5000;
const SPOKEN_MS = 2000;

class Toasts {
  list = $state<readonly Toast[]>([]);
  /** What the live region says. */
  spoken = $state("");
  #last = 0;
  #queue: string[] = [];
  #speaking = false;

  show(text: string, kind: Toast["kind"] = "ok"): void {
    const id = ++this.#last;
    this.list = [...this.list.slice(-2), { id, text, kind }];
    this.say(text);
    setTimeout(() => this.drop(id), SHOWN_MS);
  }

  drop(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }

  /** Read aloud, at most one line per 2 s; of a crowd the newest wins. */
  say(text: string): void {
    this.#queue = [text];
    if (!this.#speaking) this.#next();
  }

  #next(): void {
    const text = this.#queue.shift();
    this.#speaking = text !== undefined;
    if (text === undefined) return;
    this.spoken = text;
    setTimeout(() => this.#next(), SPOKEN_MS);
  }
}

export const toasts = new Toasts();
