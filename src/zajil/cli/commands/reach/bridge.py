"""`bridge`: prepare one, run it, and see whether it can be told from a plain web server."""

from __future__ import annotations

import enum
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import Json, parse_folder
from zajil.cli.texts.reach import bridge as words

if TYPE_CHECKING:
    from zajil.bridges.edge.check import CheckReport
    from zajil.bridges.edge.config import EdgeConfig
    from zajil.bridges.edge.prepare import Prepared, Wish

FOLDER = "/var/lib/zajil-bridge"
SETTINGS = f"{FOLDER}/bridge.toml"


class Edge(enum.StrEnum):
    """The web server in front."""

    NGINX = "nginx"
    CADDY = "caddy"


class Language(enum.StrEnum):
    """Languages of made-up sites."""

    EN = "en"
    AR = "ar"
    RU = "ru"
    ES = "es"


Settings = Annotated[
    Path,
    typer.Option("--config", metavar="FILE", help=words.CONFIG_OPTION(), show_default=SETTINGS, parser=parse_folder),
]


def init(
    *,
    domain: Annotated[str, typer.Option("--domain", metavar="DOMAIN", help=words.DOMAIN_OPTION())],
    origin: Annotated[str, typer.Option("--origin", metavar="URL", help=words.ORIGIN_OPTION())],
    join: Annotated[str | None, typer.Option("--join", metavar="FILE", help=words.JOIN_OPTION())] = None,
    edge: Annotated[
        Edge, typer.Option("--edge", metavar="nginx|caddy", help=words.EDGE_OPTION(), show_default="nginx")
    ] = Edge.NGINX,
    site: Annotated[
        Path | None, typer.Option("--site", metavar="DIR", help=words.SITE_OPTION(), parser=parse_folder)
    ] = None,
    language: Annotated[
        Language | None, typer.Option("--language", metavar="en|ar|ru|es", help=words.LANGUAGE_OPTION())
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help=words.OUT_OPTION(), show_default=FOLDER, parser=parse_folder)
    ] = Path(FOLDER),
    yes: Annotated[bool, typer.Option("--yes", help=words.YES_OPTION())] = False,
) -> None:
    """Say the danger, then write the bridge's files, never over any that are there, and what to do with them."""
    import sys

    from zajil.bridges.edge.prepare import PROGRAM, Wish
    from zajil.cli.asking import agrees, can_ask
    from zajil.cli.failures import USAGE, Failed
    from zajil.cli.output import console
    from zajil.cli.untrusted import clean_name
    from zajil.server.setup import parse_domain

    screen = console()
    screen.print(words.DANGER(), style="yellow", soft_wrap=False)
    screen.print()
    if not yes and not (can_ask() and agrees(words.AGREE())):
        raise Failed("bridge-danger")
    try:
        name = parse_domain(domain)
    except ValueError:
        raise Failed("bad-domain", exit_code=USAGE, name=clean_name(domain)) from None
    code = _read_code(join)
    installed = Path(sys.executable).with_name("zajil")
    program = str(installed) if installed.exists() else PROGRAM
    wish = Wish(edge.value, name, origin, code, site, language.value if language else None, program)
    made = _prepare(out, wish)
    for path in made[:4]:
        screen.print(words.WRITTEN(file=str(path)))
    if site is None:
        screen.print(f"\n{words.MADE_UP(folder=str(made.site))}", style="yellow")
    screen.print(f"\n{words.NEXT()}")
    for sentence, commands in _steps(edge, name, made):
        screen.print(f"\n{sentence}")
        for command in commands:
            screen.print(f"  {command}", style="cyan")


def _read_code(file: str | None) -> str:
    """The operator's code: of this file, of stdin for `-`, else what is typed unseen or the first line of stdin.

    Raises Failed `bad-join` for none, `join-shown` for a code in the arguments, which whoever is on this machine can
    list, and `join-open` for a file that others may read; OSError.
    """
    from zajil.cli.asking import LINE_MAX, read_unseen
    from zajil.cli.failures import USAGE, Failed
    from zajil.protocol.codes import is_code

    try:
        if file is not None and is_code(file) and not Path(file).exists():
            raise Failed("join-shown", exit_code=USAGE)
        if file in {None, "-"}:
            code = read_unseen(words.JOIN_QUESTION())
        else:
            with parse_folder(file or "").open(encoding="utf-8") as kept:
                if os.fstat(kept.fileno()).st_mode & 0o077:
                    raise Failed("join-open", file=str(file))
                code = kept.readline(LINE_MAX)
    except UnicodeDecodeError:
        code = ""
    if not is_code(code.strip()):
        raise Failed("bad-join", exit_code=USAGE)
    return code.strip()


def _prepare(out: Path, wish: Wish) -> Prepared:
    """As `prepare`. Raises Failed for whatever the person can mend."""
    import random
    import time

    from zajil.bridges.edge.config import ConfigError
    from zajil.bridges.edge.prepare import BridgeExists, NoSite, prepare
    from zajil.cli.failures import Failed

    try:
        return prepare(out, wish, random=random.SystemRandom(), now_s=time.time())
    except BridgeExists as error:
        raise Failed("setup-exists", file=str(error.path)) from error
    except NoSite as error:
        raise Failed("bad-site", file=f"{wish.site}/{error}") from error
    except ConfigError as error:
        raise Failed("bridge-settings", remark=str(error)) from error


def _steps(edge: Edge, domain: str, made: Prepared) -> list[tuple[str, list[str]]]:
    """What to run, one sentence for each group of commands."""
    import shlex

    unit, file, settings = (shlex.quote(str(path)) for path in (made.unit, made.edge, made.config))
    folder = shlex.quote(str(made.config.parent))
    service = [
        f"adduser --system --group --no-create-home --home {folder} zajil-bridge",
        f"chown -R zajil-bridge:zajil-bridge {folder}",
        f"install -m 644 {unit} /etc/systemd/system/zajil-bridge.service",
        "systemctl daemon-reload && systemctl enable --now zajil-bridge",
    ]
    check = ["systemctl --no-pager status zajil-bridge", f"zajil bridge check --config {settings}"]
    if edge is Edge.CADDY:
        user, target, reload = "caddy", "/etc/caddy/Caddyfile", "systemctl restart caddy"
        certificate = []
    else:
        user, target = "www-data", f"/etc/nginx/conf.d/{domain}.conf"
        reload = "rm -f /etc/nginx/sites-enabled/default && nginx -t && systemctl restart nginx"
        certificate = [
            (
                words.STEP_CERTIFICATE(),
                [f"certbot certonly --webroot -w /var/www/html -d {domain} --deploy-hook 'systemctl reload nginx'"],
            )
        ]
    return [
        *certificate,
        (words.STEP_SERVICE(), service),
        (words.STEP_GROUP(), [f"usermod --append --groups zajil-bridge {user}"]),
        (words.STEP_EDGE(), [f"install -m 644 {file} {target}", reload]),
        (words.STEP_CHECK(), check),
    ]


def up(*, config: Settings = Path(SETTINGS)) -> None:
    """Join once, then serve in the foreground until SIGTERM or Ctrl-C."""
    from zajil.bridges.edge.config import ConfigError
    from zajil.bridges.edge.up import BridgeBusy, CodeRefused, run_bridge
    from zajil.cli.failures import UNREACHABLE, Failed
    from zajil.protocol.errors import Unreachable

    settings = _load(config)
    try:
        run_bridge(config, joined=lambda: _say(words.JOINED(origin=settings.origin)), ready=lambda: _say(words.READY()))
    except ConfigError as error:
        raise Failed("bridge-settings", remark=str(error)) from error
    except BridgeBusy as error:
        raise Failed("bridge-busy", folder=str(config.parent)) from error
    except CodeRefused as error:
        raise Failed("join-refused", file=str(config)) from error
    except Unreachable as error:
        hint = words.HOME_SILENT(origin=settings.origin, file=str(config))
        raise Failed("unreachable", exit_code=UNREACHABLE, hint=hint) from error


def _say(sentence: str) -> None:
    import sys

    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()


def _load(path: Path) -> EdgeConfig:
    from zajil.bridges.edge.config import CONFIG_FILE, ConfigError, load_config
    from zajil.cli.failures import Failed

    try:
        return load_config(path)
    except FileNotFoundError:
        raise Failed("no-settings", file=str(path)) from None
    except IsADirectoryError:
        hint = words.NAME_FILE(file=str(path / CONFIG_FILE))
        raise Failed("no-settings", file=str(path), hint=hint) from None
    except ConfigError as error:
        raise Failed("bridge-settings", remark=str(error)) from error


def check(
    url: Annotated[str | None, typer.Argument(metavar="URL", help=words.URL_ARGUMENT())] = None,
    *,
    config: Settings = Path(SETTINGS),
    json: Json = False,
) -> None:
    """Exit code 0: no difference; 4: a prober can tell it from a plain server; 3: nobody answers."""
    import asyncio
    from urllib.parse import urlsplit

    from zajil.bridges.edge.check import EdgeMissing, EdgeSilent
    from zajil.bridges.edge.check import check as probe
    from zajil.cli.failures import DIFFERENT, UNREACHABLE, USAGE, Failed
    from zajil.cli.output import error_console
    from zajil.protocol.errors import Unreachable

    settings = _load(config)
    at = None
    if url is not None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise Failed("bad-address", exit_code=USAGE)
        at = (parts.hostname, parts.port or 443)
    if not json:
        error_console().print(words.PROBING(domain=settings.domain), style="dim")
    try:
        report = asyncio.run(probe(settings, config.absolute().parent, at=at))
    except EdgeMissing as error:
        raise Failed("no-edge", name=str(error)) from error
    except EdgeSilent as error:
        raise Failed("no-start", part=str(error), hint=words.PLAIN_SILENT(edge=str(error))) from error
    except Unreachable as error:
        host, port = at or (settings.domain, settings.port)
        hint = words.SITE_SILENT(address=f"{host}:{port}", edge=settings.edge)
        raise Failed("unreachable", exit_code=UNREACHABLE, hint=hint) from error
    _show(report, settings, json=json)
    if report.differences:
        raise typer.Exit(DIFFERENT)


def _show(report: CheckReport, settings: EdgeConfig, *, json: bool) -> None:
    from zajil.cli.output import console, print_json
    from zajil.cli.untrusted import clean_text

    if json:
        print_json(
            {
                "probes": report.probes,
                "with_token": report.with_token,
                "differences": [
                    {"probe": each.probe, "part": each.part, "plain": each.plain, "bridge": each.suspect}
                    for each in report.differences
                ],
                "timings": [
                    {"probe": each.probe, "plain_ms": each.plain_ms, "bridge_ms": each.suspect_ms}
                    for each in report.timings
                ],
            }
        )
        return
    screen = console()
    if report.differences:
        screen.print(words.DIFFERENCES(count=len(report.differences), edge=settings.edge), style="bold red")
        for each in report.differences:
            screen.print(f"\n{each.probe} ({each.part})", style="bold")
            screen.print(f"  - {clean_text(each.plain)}")
            screen.print(f"  + {clean_text(each.suspect)}")
    else:
        screen.print(words.PASSED(count=report.probes, edge=settings.edge), style="bold green")
    if not report.with_token:
        screen.print(words.NO_TOKEN())
    screen.print(f"\n{words.TIMES()}", style="dim")
    for timing in report.timings:
        screen.print(f"  {timing.probe}: {timing.plain_ms:.1f} / {timing.suspect_ms:.1f} ms", style="dim")
