/** The system's Chromium, as screens and stories start it. */

/**
 * What is off in it: all that Playwright turns off (1.65; only the last --disable-features counts), and the pages of
 * Chromium's own address bar, which each window loads unseen: a second of the processor for every person of a story.
 */
const OFF = [
  ...["AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades"],
  ...[
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
  ],
  ...["AvoidCorsURLLoaderRestartOnRedirect", "TcpPortRandomizationWin", "OptimizationHints"],
  ...["NetworkTimeServiceQuerying", "AimEnabled", "PreconnectToSearch"],
  ...["WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup"],
];
const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
  `--disable-features=${OFF.join(",")}`,
];
/** A microphone that beeps once a second, a camera, and nobody who has to be asked for them. */
const MEDIA = [
  ...["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
  "--autoplay-policy=no-user-gesture-required",
];

/** How it is launched. */
export const CHROMIUM = { executablePath: process.env["ZAJIL_CHROMIUM"] ?? "/usr/bin/chromium", args: FLAGS };
export const CHROMIUM_WITH_MEDIA = { ...CHROMIUM, args: [...FLAGS, ...MEDIA] };
