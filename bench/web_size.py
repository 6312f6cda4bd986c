"""Gzip sizes of the built web client against their limits, as one flat JSON object in bytes.

Run by `make web-size`. kB = 1,000 bytes; gzip -9. entry: index.html, boot.js, the JavaScript that loads before the
first screen, CSS and the largest catalogue of first words; somebody without an account loads the screens of the start
(`Start-*`) and their words besides, once, and one with an account the words of errors with the first screen. catalogue:
the largest part of one with its keys, first words or those of all other screens. worker: what the core worker loads at
its start, its entry and one chunk: it takes the lead, opens the store and asks a server. life: MLS and the rules of
chats, one chunk. suite: the cipher suite. The worker begins to load both at its start and waits for them only before it
opens or makes an account: 157,000 together, 5,000 of it for the second suite and for groups that go on in another one.
worker_all: the worker with its lazy chunks, `life` among them, but for those of WORKER_PARTS, each with a limit of its
own: what loads with the first call of an area and not before. 6,000 of it for what keeps a chat honest: a Welcome into
a known chat is judged, names that look alike are marked, messages that cannot be opened are counted.
PAGE_PARTS: what the page adds for an area, with the largest of its catalogues. lazy_max: the largest chunk a press
loads. calls: what the first call loads besides, its worker and the page's part (`calls-*`); 10,000 of it for sound over
the message server, with its own buffer and audio thread. precache: what the service worker fetches
before it is there, in the largest language: all that reading, writing and queueing need (`web/build/kept.ts`);
6,000 for names, whose changes and look-alikes are shown without a line. kept:
everything that it keeps, the rest of it once a page had a quiet moment; 427,000 for the
messenger without calls, 55,000 for their worker and page's part, and 25,000 for their screens, words in three languages
and icons: calls must work where the network has just become bad; and 45,000 for files, 20,000 of the worker and 25,000
of the page with words in three languages: what waits is shown, withdrawn and played without a line; 11,000 for search,
which needs no line either; 10,000 for links into groups and permissions: who asks is shown and answered without a line;
4,000 for push, which is switched off without one; 25,000 for a recovery key: it is shown, and chats are saved,
without a line; 4,000 for strangers and block: who asks is shown, and somebody is blocked, without a line; 22,000
for app lock, 4,400 of it Argon2id: it is opened without a line; 8,000 for the history of a linked device;
16,000 for usernames (5,000 of it the table of letters and look-alikes) and own links; 4,000 for successor groups:
a group is mended where the line has just come back; 1,000 for contacts whose token ended and the telling of who was
put out: they are met where messages come; and 9,000 for the second suite. sw: with the list of what it keeps, 60 bytes
a file. console: all that the moderators' page loads with its largest catalogue; it lies in assets/review and counts to
nothing else. Exit 1 over a limit.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

OUTPUT = Path(__file__).resolve().parents[1] / "src" / "zajil" / "server" / "web"
LIMITS = {
    "entry": 60_000,
    "css": 8_000,
    "worker": 62_000,
    "life": 78_000,
    "worker_all": 156_000,
    "sw": 5_000,
    "lazy_max": 60_000,
    "catalogue": 12_000,
    "calls": 50_000,
    "precache": 410_000,
    "kept": 673_000,
    "console": 65_500,
}
# What an account lives by (`core/life.ts`): it loads with the worker, and is waited for before one is opened.
LIFE = "life-"
# Lazy parts of the worker: how the name of the chunk begins that its first call loads, and the limit of that chunk with
# all that it needs and the start and the parts above it do not have.
WORKER_PARTS = {
    "suite": ("xwing-", 17_000),  # both suites, HPKE and their hashes: before an account is opened or made
    "gate": ("solving-", 2_000),  # the work that some servers ask of a newcomer: with that
    "names": ("names-", 2_000),  # lines about new names: with the first profile
    "files": ("files-", 20_000),  # send, fetch and keep files: with the first one
    "joins": ("joins-", 15_000),  # links into groups: with the first one, or who asks by one
    "push": ("push-", 1_500),  # wake this device by push: where that is on
    "strangers": ("strangers-", 4_000),  # requests and block: with the first answer or block
    "invites": ("invites-", 4_000),  # own contact links: with the page that shows them
    "usernames": ("usernames-", 11_000),  # names, their letters and look-alikes: with the first name
    "argon2": ("argon2-", 5_000),  # keys of what people remember: with the first of them
    "lock": ("lock-", 5_000),  # app lock: where it is on, or its page is looked at
    "linking": ("devices-", 15_000),  # both ends of linking a device: most people do it once
    "history_out": ("handing-", 8_000),  # the history of this browser as an archive: with a device that is approved
    "history_in": ("receiving-", 8_000),  # and one that comes: where one is announced
    "recovery": ("kept-", 15_000),  # store a backup, come back by it, write chats out, end: with a recovery key
    "heirs": ("heirs-", 7_600),  # judge Welcomes into chats that we hold; make, judge and follow successor groups
    "search": ("searching-", 5_000),  # folding, matching and the reading of rows: with the first search
}
# Lazy parts of the page: how the names of their chunks begin, the part of the words that is theirs, and the limit.
PAGE_PARTS = {
    "call_screens": (("CallLayer-", "ring-"), "call", 40_000),
    "push_screens": (("push.svelte-", "PushQuestion-"), "push", 6_000),
    "file_screens": (("FileScreens-", "filetools-"), "files", 25_000),
    "join_screens": (("JoinScreens-",), "joins", 15_000),
    "recovery_screens": (("RecoveryScreens-",), "recovery", 15_000),
    "lock_screens": (("LockPage-", "LockScreen-", "lock.svelte-", "presence-", "passkeys-"), "lock", 10_000),
    "search_screens": (("SearchScreens-",), "search", 6_000),
}
_STATIC = re.compile(r"""(?:from|import)\s*["']\./([\w.-]+\.js)["']""")
_LAZY = re.compile(r"""import\(\s*["'`]\./([\w.-]+\.js)["'`]""")
_WORDS = re.compile(r"/messages-(\w\w)-")
_FIRST_WORDS = re.compile(r"messages-\w+-first-")
_LINKED = re.compile(r"""(?:src|href)=["']\./([^"']+\.(?:js|css))["']""")


def size(path: Path) -> int:
    """Bytes after gzip -9."""
    return len(gzip.compress(path.read_bytes(), 9, mtime=0))


def loaded_with(names: Iterable[str], *, lazy: bool) -> set[str]:
    """Names in assets/ that load with these: by static import, or by any import."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        path = OUTPUT / "assets" / name
        if name in found or not path.exists():
            continue
        found.add(name)
        text = path.read_text(encoding="utf-8")
        waiting += _STATIC.findall(text)
        waiting += _LAZY.findall(text) if lazy else []
    return found


def measure(folder: Path) -> dict[str, int]:
    """The sizes of a built client."""
    assets = {path.name: size(path) for path in (folder / "assets").iterdir() if path.suffix in (".js", ".css")}
    index = (folder / "index.html").read_text(encoding="utf-8")
    linked = [Path(link).name for link in _LINKED.findall(index) if link.startswith("assets/")]
    first = loaded_with((name for name in linked if name.endswith(".js")), lazy=False)
    css = sum(assets[name] for name in linked if name.endswith(".css"))
    catalogues = {name: n for name, n in assets.items() if name.startswith("messages-")}
    with_keys = {name: n + keys_of(assets, name.split("-")[2]) for name, n in catalogues.items()}
    # Their keys are in the JavaScript of the start.
    first_words = max((n for name, n in catalogues.items() if _FIRST_WORDS.match(name)), default=0)
    workers = [name for name in assets if name.startswith("worker-")]
    core = loaded_with(workers, lazy=False)
    core_all = loaded_with(workers, lazy=True)
    life = loaded_with((name for name in assets if name.startswith(LIFE)), lazy=False) - core
    parts = worker_parts(core | life, core_all)
    lazy = set(assets) - first - core_all - set(catalogues) - set(linked)
    calls = loaded_with((name for name in assets if name.startswith("calls-")), lazy=True) - first - core_all
    # What a browser fetches once and keeps: no compressed twins, no list of hashes.
    kept = [
        p
        for p in folder.rglob("*")
        if p.is_file() and p.suffix in (".html", ".js", ".css", ".svg", ".png", ".webmanifest") and not of_console(p)
    ]
    return {
        "entry": size(folder / "index.html")
        + size(folder / "boot.js")
        + sum(assets[n] for n in first)
        + css
        + first_words,
        "css": css,
        "worker": sum(assets[name] for name in core),
        "life": sum(assets[name] for name in life),
        "worker_all": sum(assets[name] for name in core_all.difference(*parts.values())),
        **{part: sum(assets[name] for name in names) for part, names in parts.items()},
        **{part: measure_screens(assets, begins, words) for part, (begins, words, _) in PAGE_PARTS.items()},
        "sw": size(folder / "sw.js"),
        "lazy_max": max((assets[name] for name in lazy), default=0),
        "catalogue": max(with_keys.values(), default=0),
        "calls": sum(assets[name] for name in calls),
        "precache": max(sum(size(folder / name) for name in names) for names in first_kept(folder).values()),
        "kept": sum(size(path) for path in kept if path.name != "sw.js"),
        "console": measure_console(folder),
    }


def read_kept(folder: Path) -> tuple[list[str], dict[str, str], list[str]]:
    """The lists in the service worker: kept first, kept first under names that stay, kept later."""
    text = (folder / "sw.js").read_text(encoding="utf-8")
    first, marked, later = json.JSONDecoder().raw_decode(text, text.index('[["assets/'))[0]
    return first, marked, later


def first_kept(folder: Path) -> dict[str, list[str]]:
    """What is fetched before the service worker is there, by the language of the page."""
    first, marked, _ = read_kept(folder)
    spoken = {name: found[1] for name in first if (found := _WORDS.search(name))}
    languages = set(spoken.values())
    return {of: [*marked, *(name for name in first if spoken.get(name, of) == of)] for of in languages}


def worker_parts(core: set[str], core_all: set[str]) -> dict[str, set[str]]:
    """The chunks of each lazy part of the worker, without those of the start and of the parts above it."""
    found: dict[str, set[str]] = {}
    for part, (begin, _) in WORKER_PARTS.items():
        begins = (name for name in core_all - core if name.startswith(begin))
        found[part] = loaded_with(begins, lazy=False).difference(core, *found.values())
    return found


def measure_screens(assets: dict[str, int], begins: tuple[str, ...], words: str) -> int:
    """Bytes of a lazy part of the page with the keys and the largest of its catalogues."""
    own = re.compile(rf"messages-\w+-{words}-")
    largest = max((n for name, n in assets.items() if own.match(name)), default=0)
    return sum(n for name, n in assets.items() if name.startswith(begins)) + keys_of(assets, words) + largest


def keys_of(assets: dict[str, int], part: str) -> int:
    """Bytes of the keys of a part of the words, which are the same in each language."""
    return sum(n for name, n in assets.items() if name.startswith(f"keys-{part}-"))


def of_console(path: Path) -> bool:
    """Whether this file is of the moderators' page alone."""
    return path.name == "review.html" or path.parent.name == "review"


def measure_console(folder: Path) -> int:
    """Bytes of the moderators' page with the largest of its catalogues."""
    files = [path for path in folder.rglob("*") if path.suffix in (".html", ".js", ".css", ".svg") and of_console(path)]
    words = {path: size(path) for path in files if path.name.startswith("messages-")}
    return sum(size(path) for path in files if path not in words) + max(words.values(), default=0)


def keep(figures: dict[str, int]) -> None:
    """Write those that are goals of `goals.toml` as a result, in kB. Bytes know no noise: one round says all."""
    sys.path[:0] = [str(Path(__file__).resolve().parents[1])]
    from bench import record

    names = [goal.metric.removesuffix("_kb") for goal in record.read_goals() if goal.bench == "web_size"]
    metrics = {f"{name}_kb": figures[name] / 1000 for name in names}
    one = record.Round(round=0, subject="web", flags=[], checks={}, metrics=metrics)
    subject = record.Subject(name="web", version=record.read_commit()[0], settings="gzip -9")
    record.write_result(record.make_result("web_size", params={}, subjects=[subject], rounds=[one]))
    record.write_table()


def main() -> int:
    """Print the figures; name on stderr what is over its limit. `--keep` writes the result among the project's."""
    figures = measure(OUTPUT)
    if "--keep" in sys.argv[1:]:
        keep(figures)
    sys.stdout.write(json.dumps(figures) + "\n")
    limits = LIMITS | {part: row[-1] for part, row in (WORKER_PARTS | PAGE_PARTS).items()}
    over = {name: figures[name] for name, limit in limits.items() if figures[name] > limit}
    for name, value in over.items():
        sys.stderr.write(f"{name}: {value} bytes, limit {limits[name]}\n")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
