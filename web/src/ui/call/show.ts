/** Puts a stream into a video element, silently: the sound of a call is played elsewhere. */
import type { Attachment } from "svelte/attachments";

export function showing(stream: MediaStream | undefined): Attachment<HTMLVideoElement> {
  return (video) => {
    video.muted = true;
    video.srcObject = stream ?? null;
    // Refused where the element is gone again by then.
    void video.play().catch(() => undefined);
    return () => (video.srcObject = null);
  };
}
