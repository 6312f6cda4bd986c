"""Every setting of the server: one typed class, read from `zajil.toml` in the data directory and from arguments.

Arguments of `zajil serve` win over the file, the file over the defaults. Secrets never live here: they are files in
the data directory with mode 0600. `python -m zajil.server.config` prints `docs/operate/settings.md`.
"""

from __future__ import annotations

import ipaddress
import re
import sys
from pathlib import Path
from typing import Annotated, Final, Literal, get_args, get_origin, get_type_hints
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Meta

from zajil.auth.context import Registration
from zajil.engine.files import write_once
from zajil.engine.limits import DEFAULTS as LIMIT_DEFAULTS
from zajil.engine.limits import Limit
from zajil.protocol.push.wire import check_patterns
from zajil.protocol.reach.endpoints import is_host

RelayMode = Literal["off", "auto"]
ModerationWorker = Literal["child", "apart", "inside"]
GatewayShell = Literal["aiohttp", "picows"]
LogForm = Literal["text", "json"]
CONFIG_FILE = "zajil.toml"
_NAME_FILE = "server_name"
_NAME_PATTERN = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"


class ConfigError(Exception):
    """The settings cannot be used; the text says which one and why. code: of the command line's complaints."""

    def __init__(self, text: str, *, code: str = "settings") -> None:
        super().__init__(text)
        self.code = code


class ModerationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How posts of the public space are moderated; the table `[moderation]` of the file."""

    enabled: Annotated[
        bool,
        Meta(description="Judge public posts; needs `public_space` and the extra `zajil[moderation]`."),
    ] = False
    worker: Annotated[
        ModerationWorker,
        Meta(
            description="Who judges them: a process that the server starts (`child`), `zajil moderation worker` beside "
            "it (`apart`), or the server itself, slower and in less memory (`inside`)."
        ),
    ] = "child"
    processes: Annotated[
        int,
        Meta(
            ge=-1,
            le=64,
            description="Processes that read posts; 0 = a thread of the worker, -1 = one fewer than there are cores.",
        ),
    ] = -1
    judge_url: Annotated[
        str,
        Meta(
            pattern=r"^(https?://[^\s?#]+)?$",
            description="Chat API of OpenAI's form, up to `/v1`, asked about the few open cases; empty for none.",
        ),
    ] = ""
    judge_model: Annotated[str, Meta(description="Name of the model to ask there.")] = ""
    judge_key_file: Annotated[
        str, Meta(description="File in the data directory with the key for it; empty where it needs none.")
    ] = ""
    judge_per_minute: Annotated[int, Meta(ge=1, description="Most questions to it in a minute.")] = 30
    staff_cli: Annotated[
        bool,
        Meta(description="Whether staff may come by the command line's Ed25519 keys as well; passkeys always work."),
    ] = True


class PushSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How devices that are not connected are woken; the table `[push]` of the file."""

    hosts: Annotated[
        tuple[str, ...],
        Meta(
            max_length=64,
            description="Push services that devices may be woken through: names, `*.name` for all below it, `*` for "
            "any at a public address; `[]` = no push at all.",
        ),
    ] = ("fcm.googleapis.com", "*.push.services.mozilla.com", "*.notify.windows.com", "web.push.apple.com")
    ports: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=65535)], ...], Meta(description="Ports that they may be reached at.")
    ] = (443,)
    contact: Annotated[
        str,
        Meta(
            pattern=r"^((mailto:|https://)[!-~]+)?$",
            description="Whom a push service may write to, `mailto:` or `https:`; empty for the address of `front`.",
        ),
    ] = ""
    private: Annotated[
        bool,
        Meta(
            description="Push services in one's own network: addresses that are not public are fine too, and plain "
            "http to this machine. Only with `hosts` that you trust."
        ),
    ] = False


class CallSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What calls go through where people cannot reach each other; the table `[calls]` of the file."""

    relay: Annotated[
        RelayMode,
        Meta(
            description="`auto`: run coturn's `turnserver` beside this server when it is installed; `off`: do not. "
            "Relays that run elsewhere are named by `relay_hosts`."
        ),
    ] = "off"
    relay_hosts: Annotated[
        tuple[str, ...],
        Meta(
            max_length=8,
            description="Names or addresses of relays; with `auto` and none, the host of `front` or `relay_ip`, or "
            "loopback where the server too is for this machine alone.",
        ),
    ] = ()
    relay_port: Annotated[int, Meta(ge=1, le=65535, description="Port of the relays for UDP and TCP.")] = 3478
    relay_tls_port: Annotated[
        int,
        Meta(
            ge=0,
            le=65535,
            description="Port at which relays are reached over TLS: 5349, or 443 behind the edge; 0 = they have none.",
        ),
    ] = 0
    relay_secret_file: Annotated[
        str,
        Meta(
            description="File in the data directory with the relays' shared secret; empty for the server's own, which "
            "`zajil calls relay-config` writes into a relay's configuration."
        ),
    ] = ""
    relay_ip: Annotated[
        str,
        Meta(
            description="With `auto`: public address of this machine; empty: only programs on this machine reach the "
            "relay."
        ),
    ] = ""
    relay_private_ip: Annotated[
        str, Meta(description="With `auto`: this machine's address behind NAT, where it differs from `relay_ip`.")
    ] = ""
    relay_cert: Annotated[
        str, Meta(description="With `auto`: certificate file of the relay, PEM; needs `relay_tls_port`.")
    ] = ""
    relay_key: Annotated[str, Meta(description="With `auto`: key file of that certificate, PEM.")] = ""
    relay_capacity: Annotated[
        int,
        Meta(
            ge=0,
            description="Bytes a second of all relayed media of one relay, of which coturn sets 250,000 aside for each "
            "allocation; with `auto` and in `zajil calls relay-config`; 0 = no limit.",
        ),
    ] = 0
    media_connections_max: Annotated[
        int,
        Meta(
            ge=0,
            le=20_000,
            description="Most connections that carry media of calls through this server; 0 = none does.",
        ),
    ] = 1200


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How this server runs. Each field carries its unit and one sentence, from which the documentation is made."""

    server_name: Annotated[
        str,
        Meta(
            pattern=_NAME_PATTERN,
            description="Permanent name of this server; fixed by the first start, not the address.",
        ),
    ] = "localhost"
    host: Annotated[str, Meta(description="Address to listen on; TLS ends in the proxy in front.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="TCP port; 0 lets the system choose one.")] = 8440
    database: Annotated[
        str,
        Meta(
            pattern=r"^(postgres(ql)?://\S*)?$",
            description="Where accounts, mailboxes and posts are kept: `postgresql://user@host/name` for a database of "
            "PostgreSQL, which servers on one `bus` may share; empty for a file of SQLite in the data directory. "
            "Needs the extra `zajil[postgres]`. A password belongs into the file that `passfile=` names.",
        ),
    ] = ""
    bus: Annotated[
        str,
        Meta(
            pattern=r"^((nats|tls)://[^\s@,/]+(,(nats|tls)://[^\s@,/]+)*)?$",
            description="Where servers on one database of PostgreSQL wake each other's readers: `nats://host:4222`, or "
            "`tls://` where the NATS server says `handshake_first`; several of one cluster with commas between. Empty "
            "where there is one server alone. Needs the extra `zajil[nats]`.",
        ),
    ] = ""
    bus_secret_file: Annotated[
        str,
        Meta(description="File in the data directory with `user:password`, or a token, for NATS; empty for neither."),
    ] = ""
    bus_ca_file: Annotated[
        str,
        Meta(description="File in the data directory with the authority that signed NATS's certificate, PEM."),
    ] = ""
    reuse_port: Annotated[
        bool,
        Meta(
            description="Share the port with other servers on this machine that say so too: the system deals out "
            "connections. Only with `bus`."
        ),
    ] = False
    registration: Annotated[
        Registration,
        Meta(
            description="Who may register: holders of an invite code (`invite`), whoever lets their device work for "
            "some seconds (`work`), holders of a code who do that too (`both`), or anyone (`open`)."
        ),
    ] = "invite"
    front: Annotated[
        str,
        Meta(
            pattern=r"^(https?://[^\s/?#\"]+)?$",
            description="Address people open, such as `https://chat.example`; the operator's invite links begin so.",
        ),
    ] = ""
    origins: Annotated[
        tuple[str, ...],
        Meta(description="Further web origins whose pages may call this server; its own page and programs always may."),
    ] = ()
    fronts: Annotated[
        tuple[str, ...],
        Meta(
            description="Addresses of CDNs that pass `/v1/sealed` on to this server, such as `https://cdn.example/dir`."
        ),
    ] = ()
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(description="Addresses of reverse proxies whose X-Forwarded-For names the client, for limits only."),
    ] = ()
    min_client: Annotated[
        int,
        Meta(ge=0, le=65535, description="Oldest client version still spoken with; older ones ask to be updated."),
    ] = 0
    bridge_token_age_days: Annotated[
        int,
        Meta(
            ge=0,
            description="How old an account must be before it may give private bridges to others.",
            extra={"unit": "days"},
        ),
    ] = 7
    gateway: Annotated[
        GatewayShell,
        Meta(
            description="What carries WebSockets: `aiohttp`, or `picows` for less memory and work a connection, which "
            "needs the extra `zajil[picows]`."
        ),
    ] = "aiohttp"
    metrics_port: Annotated[
        int, Meta(ge=0, le=65535, description="Loopback port of the Prometheus listener; 0 = off.")
    ] = 0
    log_form: Annotated[
        LogForm, Meta(description="What went wrong goes to standard error as lines of text, or of JSON.")
    ] = "text"
    dev: Annotated[
        bool, Meta(description="Development: the web client may call any port of this machine. Never for other people.")
    ] = False
    mailbox_gather_ms: Annotated[
        float,
        Meta(ge=0, le=50, description="How long the writer waits for more work before a commit.", extra={"unit": "ms"}),
    ] = 0.0
    first_frame_s: Annotated[
        float, Meta(gt=0, description="Time a new connection has for its first data frame.", extra={"unit": "s"})
    ] = 10.0
    sender_idle_s: Annotated[
        float, Meta(gt=0, description="Idle time after which a sending session is closed.", extra={"unit": "s"})
    ] = 60.0
    dead_after_s: Annotated[
        float, Meta(gt=0, description="Silence after which a connection is closed.", extra={"unit": "s"})
    ] = 120.0
    reread_s: Annotated[
        float,
        Meta(gt=0, description="How often a quiet receiver's mailbox is read without a wake-up.", extra={"unit": "s"}),
    ] = 60.0
    slow_after_s: Annotated[
        float,
        Meta(
            gt=0, description="A full window without progress for this long closes the receiver.", extra={"unit": "s"}
        ),
    ] = 30.0
    drain_s: Annotated[
        float, Meta(ge=0, le=60, description="Closes are spread over this time at shutdown.", extra={"unit": "s"})
    ] = 2.0
    retention_every_s: Annotated[
        float, Meta(gt=0, description="Pause between two runs of the retention job.", extra={"unit": "s"})
    ] = 3600.0
    connections_max: Annotated[int, Meta(ge=1, description="Most WebSocket connections at once; more get 503.")] = (
        20_000
    )
    unfinished_max_bytes: Annotated[
        int,
        Meta(
            ge=1 << 20,
            description="Most memory for messages that have not come whole yet, of all connections without account; "
            "half as much for large answers that they have not read, and again as much on plain HTTPS.",
            extra={"unit": "bytes"},
        ),
    ] = 256 << 20
    blobs: Annotated[
        str,
        Meta(
            pattern=r"^(disk|s3://[^\s]+)$",
            description="Where attachments are kept: `disk`, below the data directory, or "
            "`s3://BUCKET/PREFIX?endpoint=URL&region=NAME`, which needs the extra `zajil[s3]`; without an endpoint "
            "Amazon's.",
        ),
    ] = "disk"
    blobs_key_file: Annotated[
        str, Meta(description="File in the data directory with the id of the bucket's key and its secret, a line each.")
    ] = "s3.key"
    attachments_max_bytes: Annotated[
        int,
        Meta(
            ge=0,
            description="Most room for attachments, of all people together; 0 = none are taken.",
            extra={"unit": "bytes"},
        ),
    ] = 20 << 30
    public_space: Annotated[
        bool, Meta(description="Public channels below `/pub/v1` and `/c/`; needs the extra `zajil[moderation]`.")
    ] = False
    gate_timeout_s: Annotated[
        float,
        Meta(
            ge=0,
            description="How long a post of an established author waits for a verdict before it is shown without one.",
            extra={"unit": "s"},
        ),
    ] = 2.0
    gate_hold_s: Annotated[
        float,
        Meta(
            ge=0,
            description="How long any other post waits for a verdict before it is held for people.",
            extra={"unit": "s"},
        ),
    ] = 60.0
    public_waiting_max: Annotated[
        int, Meta(ge=1, description="Most streams and calls that wait for public events at once; more get 503.")
    ] = 2000
    moderation: Annotated[
        ModerationSettings, Meta(description="Moderation of the public space, a table of its own.")
    ] = ModerationSettings()
    calls: Annotated[CallSettings, Meta(description="Relays and media of calls, a table of its own.")] = CallSettings()
    push: Annotated[PushSettings, Meta(description="Waking devices by push, a table of its own.")] = PushSettings()
    limits: Annotated[
        dict[str, Limit],
        Meta(description="Token buckets by name, each `{burst, every_s}`; see the table below for names and defaults."),
    ] = {}


def load_settings(data: Path, **arguments: object) -> Settings:
    """Settings for this data directory: arguments (None = not given) over `zajil.toml` over defaults.

    Raises ConfigError naming the file and the first wrong field.
    """
    path = data / CONFIG_FILE
    try:
        raw = msgspec.toml.decode(path.read_bytes()) if path.exists() else {}
        raw.update({name: value for name, value in arguments.items() if value is not None})
        settings = msgspec.convert(raw, Settings)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name}: {error}") from error
    unknown = sorted(set(settings.limits) - set(LIMIT_DEFAULTS))
    if unknown:
        raise ConfigError(f"{path.name}: no such limit: {', '.join(unknown)}")
    if settings.moderation.enabled and not settings.public_space:
        raise ConfigError(f"{path.name}: moderation.enabled needs public_space = true")
    _check_bus(path.name, settings)
    _check_calls(path.name, settings.calls)
    _check_push(path.name, settings.push)
    wrong = sorted(name for name, limit in settings.limits.items() if limit.burst <= 0 or limit.every_s <= 0)
    if wrong:
        raise ConfigError(f"{path.name}: burst and every_s must be above 0: {', '.join(wrong)}")
    return msgspec.structs.replace(settings, server_name=_fixed_name(data, raw.get("server_name"), settings))


def _check_bus(file: str, settings: Settings) -> None:
    """Raises ConfigError for what several servers cannot share, and what one alone has no use for."""
    if settings.bus and not settings.database:
        raise ConfigError(f"{file}: bus is for servers on one database of PostgreSQL: it needs database")
    if settings.reuse_port and not settings.bus:
        raise ConfigError(f"{file}: reuse_port needs bus: servers on one port must wake each other's readers")
    if settings.bus and settings.moderation.enabled and settings.moderation.worker != "apart":
        raise ConfigError(f'{file}: with bus, posts are judged by one worker: moderation.worker = "apart"')


def _check_calls(file: str, calls: CallSettings) -> None:
    """Raises ConfigError for addresses that are none, and half a certificate."""
    for name, text in (("relay_ip", calls.relay_ip), ("relay_private_ip", calls.relay_private_ip)):
        if text and not is_address(text):
            raise ConfigError(f"{file}: calls.{name} is no IP address")
    wrong = [text for text in calls.relay_hosts if not (is_host(text) or is_address(text))]
    if wrong:
        raise ConfigError(f"{file}: calls.relay_hosts: {wrong[0]!r} is neither a host name nor an IP address")
    if bool(calls.relay_cert) != bool(calls.relay_key):
        raise ConfigError(f"{file}: calls.relay_cert and calls.relay_key go together")
    if not (calls.relay_cert + calls.relay_key).isprintable():
        raise ConfigError(f"{file}: calls.relay_cert and calls.relay_key must be printable")
    if calls.relay_private_ip and not calls.relay_ip:
        raise ConfigError(f"{file}: calls.relay_private_ip needs calls.relay_ip")


def _check_push(file: str, push: PushSettings) -> None:
    """Raises ConfigError for a host that is none, and for a private network with any host."""
    try:
        check_patterns(push.hosts)
    except ValueError as wrong:
        raise ConfigError(f"{file}: push.hosts: {str(wrong)!r} is neither a name, nor `*.name`, nor `*`") from None
    if push.private and "*" in push.hosts:
        raise ConfigError(f"{file}: push.private with `*` would let anybody reach into your network; name the hosts")


def is_address(text: str) -> bool:
    """Whether this is an IPv4 or IPv6 address. None with a zone (`fe80::1%eth0`), which may hold anything."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _fixed_name(data: Path, wanted: object, settings: Settings) -> str:
    """What the first start wrote down. A later, different setting is refused: links carry the name."""
    path = data / _NAME_FILE
    if not path.exists():
        return settings.server_name
    name = path.read_text(encoding="utf-8").strip()
    if wanted is not None and wanted != name:
        raise ConfigError(f"server_name is {name!r} since the first start and cannot become {wanted!r}")
    return name


def fix_name(data: Path, settings: Settings) -> None:
    """Write the server's name down, once and whole: every login and link is bound to it."""
    write_once(data / _NAME_FILE, lambda: settings.server_name.encode() + b"\n")


_SECRET_WORDS: Final = frozenset(
    {"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"}
)
"""What libpq takes as a secret within the name of a database."""


def holds_password(url: str) -> bool:
    """Whether this name of a database has a password in it, as libpq reads it; also where that cannot read it.

    urllib ends a host at `#` and reads no `key=value`, both of which libpq takes for more of the password or the name.
    """
    if not url:
        return False
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        return _may_hold_password(url)
    try:
        read = conninfo_to_dict(url)
    except (ProgrammingError, ValueError):
        return True
    # Of `user:pass/word@host` libpq takes the beginning for a host and its port, the rest for a database.
    path = url.partition("://")[2].partition("?")[0].partition("/")[2]
    is_split = "@" in path or re.fullmatch(r"[0-9,]*", str(read.get("port", ""))) is None
    return is_split or not _SECRET_WORDS.isdisjoint(read)


def _may_hold_password(url: str) -> bool:
    """The same without libpq, which says yes where only that could tell."""
    scheme, _, rest = url.partition("://")
    user, _, _ = rest.rpartition("@")
    _, _, query = rest.partition("?")
    return (
        scheme not in {"postgresql", "postgres"}
        or not set(user).isdisjoint(":/?#[")
        or not _SECRET_WORDS.isdisjoint(parse_qs(query, keep_blank_values=True))
    )


def find_password(settings: Settings) -> str:
    """The first setting with a password in it, which a backup would carry outside the file of keys; "" for none."""
    place, _, query = settings.blobs.partition("://")[2].partition("?")
    endpoints = parse_qs(query).get("endpoint", [])
    holding = {
        "database": holds_password(settings.database),
        "blobs": not set(place.partition("/")[0]).isdisjoint("@:") or any(map(_holds_user, endpoints)),
        "moderation.judge_url": _holds_user(settings.moderation.judge_url),
    }
    return next((name for name, holds in holding.items() if holds), "")


def _holds_user(url: str) -> bool:
    """Whether there is a user or password in this address of HTTP, or a port that is none, as of `user:pass/word@`."""
    try:
        parts = urlsplit(url)
        return "@" in parts.netloc or (parts.port or 0) < 0
    except ValueError:
        return True


def refuse_password(url: str | None) -> None:
    """Raises ConfigError for a URL of a database, given to a command, that has a password in it."""
    if url and holds_password(url):
        raise ConfigError(
            "everybody on this machine sees a password in a command: put it into the file of passfile=. A name that "
            "PostgreSQL cannot read, as for a misspelled option, is taken for one that holds a password"
        )


def render() -> str:
    """`docs/operate/settings.md`: every setting with type, unit, default and sentence, then every limit."""
    lines = [
        "# Settings",
        "",
        f"Written by `python -m zajil.server.config`. The server reads `{CONFIG_FILE}` (TOML) in its data directory;",
        "arguments of `zajil serve` win over the file. There are no secrets here: keys are files with mode 0600.",
        "",
        "| Setting | Type | Unit | Default | What it does |",
        "|---|---|---|---|---|",
    ]
    lines += _render_fields(Settings, "")
    lines += [
        "",
        "## Limits",
        "",
        "Each is a token bucket: `burst` at once, one back every `every_s` seconds. Example:",
        "",
    ]
    lines += [
        "```toml",
        "[limits.login]",
        "burst = 100",
        "every_s = 1.0",
        "```",
        "",
        "| Name | Burst | One back every (s) |",
        "|---|---|---|",
    ]
    lines += [f"| `{name}` | {rate.burst:g} | {rate.every_s:g} |" for name, rate in LIMIT_DEFAULTS.items()]
    return "\n".join(lines) + "\n"


def _render_fields(settings: type[msgspec.Struct], prefix: str) -> list[str]:
    """A row for each setting; those of a table by `table.name`."""
    lines: list[str] = []
    hints = get_type_hints(settings, include_extras=True)
    for field in msgspec.structs.fields(settings):
        base, meta = get_args(hints[field.name])
        name = f"{prefix}{field.name}"
        if isinstance(base, type) and issubclass(base, msgspec.Struct):
            lines.append(f"| `{name}` | table | | | {meta.description} |")
            lines += _render_fields(base, f"{name}.")
            continue
        unit = (meta.extra or {}).get("unit", "")
        shown = "" if field.default is msgspec.NODEFAULT else f"`{msgspec.json.encode(field.default).decode()}`"
        lines.append(f"| `{name}` | {_type_name(base)} | {unit} | {shown} | {meta.description} |")
    return lines


def _type_name(base: object) -> str:
    if get_origin(base) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(base))
    names = {
        str: "text",
        bool: "true or false",
        int: "integer",
        float: "number",
        tuple[str, ...]: "list of text",
        tuple[Annotated[int, Meta(ge=1, le=65535)], ...]: "list of integers",
        dict[str, Limit]: "table",
    }
    return names[base]  # type: ignore[index]  # hints are exactly these


if __name__ == "__main__":
    sys.stdout.write(render())
