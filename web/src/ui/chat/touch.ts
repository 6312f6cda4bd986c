/** Touch on a message: held for its menu, swiped along the line to reply. The same things are in the menu. */
import type { Attachment } from "svelte/attachments";

interface Gestures {
  hold: (point: { x: number; y: number }) => void;
  swipe: () => void;
}

const HOLD_MS = 450;
const STILL_PX = 10;
const SWIPE_PX = 56;

/** What is touched there moves by itself: a picture over the page, a position, a video. */
const ownWay = ({ target }: Event): boolean =>
  target instanceof Element && target.closest("dialog, video, [role=slider]") !== null;

export function touchable({ hold, swipe }: Gestures): Attachment<HTMLElement> {
  return (element) => {
    let start: { x: number; y: number } | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let moved = 0;
    let held = false;

    function end(): void {
      clearTimeout(timer);
      start = undefined;
      moved = 0;
      element.style.removeProperty("--swipe");
    }

    function down(event: TouchEvent): void {
      const touch = event.touches[0];
      held = false;
      if (!touch || event.touches.length > 1 || ownWay(event)) return end();
      start = { x: touch.clientX, y: touch.clientY };
      timer = setTimeout(() => {
        const point = start;
        end();
        held = true;
        if (point) hold(point);
      }, HOLD_MS);
    }

    function move(event: TouchEvent): void {
      const touch = event.touches[0];
      if (!touch || !start) return;
      const along = (touch.clientX - start.x) * (document.documentElement.dir === "rtl" ? -1 : 1);
      const across = Math.abs(touch.clientY - start.y);
      if (Math.abs(along) > STILL_PX || across > STILL_PX) clearTimeout(timer);
      if (across > Math.abs(along)) return;
      moved = Math.max(0, Math.min(along, SWIPE_PX * 1.4));
      element.style.setProperty("--swipe", `${String((touch.clientX < start.x ? -1 : 1) * moved)}px`);
    }

    function up(event: TouchEvent): void {
      const far = moved >= SWIPE_PX;
      end();
      // No click follows: it would press a link, a picture, or what the menu shows under the finger.
      if (held) event.preventDefault();
      if (far) swipe();
    }

    /** Where there is no touch, the second button opens the menu; links and selections keep the browser's own. */
    function context(event: MouseEvent): void {
      const selected = getSelection()?.isCollapsed === false;
      if (selected || (event.target instanceof HTMLElement && event.target.closest("a, dialog, video"))) return;
      event.preventDefault();
      if (!matchMedia("(pointer: coarse)").matches) hold({ x: event.clientX, y: event.clientY });
    }

    element.addEventListener("touchstart", down, { passive: true });
    element.addEventListener("touchmove", move, { passive: true });
    element.addEventListener("touchend", up);
    element.addEventListener("touchcancel", end);
    element.addEventListener("contextmenu", context);
    return () => {
      end();
      element.removeEventListener("touchstart", down);
      element.removeEventListener("touchmove", move);
      element.removeEventListener("touchend", up);
      element.removeEventListener("touchcancel", end);
      element.removeEventListener("contextmenu", context);
    };
  };
}
