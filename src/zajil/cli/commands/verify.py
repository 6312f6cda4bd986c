"""`verify-web`: does a server give out the web client of a release?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zajil.cli.commands.options import Json
from zajil.cli.texts import server as words
from zajil.cli.texts.account import CERTIFICATE_REFUSED, SERVER_SILENT

DIFFERENT = 4


def verify_web(
    url: Annotated[str, typer.Argument(metavar="URL", help=words.VERIFY_URL())],
    *,
    manifest: Annotated[Path | None, typer.Option("--manifest", metavar="FILE", help=words.MANIFEST_OPTION())] = None,
    json: Json = False,
) -> None:
    """Exit code 0: the same; 4: a file differs, is missing or is too much; 3: no answer."""
    import asyncio

    import aiohttp

    from zajil.cli.failures import UNREACHABLE, USAGE, Failed
    from zajil.cli.output import console, print_json
    from zajil.cli.untrusted import clean_name
    from zajil.server.site.client import MANIFEST
    from zajil.server.site.site import BUILT_CLIENT
    from zajil.server.site.verify import Unreachable, verify

    if not url.startswith(("https://", "http://")):
        raise Failed("bad-address", exit_code=USAGE)
    path = BUILT_CLIENT / MANIFEST if manifest is None else manifest
    if not path.is_file():
        raise Failed("no-manifest", file=str(path))
    try:
        report = asyncio.run(verify(url, path.read_bytes()))
    except ValueError:
        raise Failed("no-manifest", file=str(path)) from None
    except Unreachable as error:
        refused = isinstance(error.__cause__, aiohttp.ClientConnectorCertificateError)
        hint = (CERTIFICATE_REFUSED if refused else SERVER_SILENT)(address=clean_name(url))
        raise Failed("unreachable", exit_code=UNREACHABLE, remark=str(error), hint=hint) from error
    if json:
        differences = [{"path": each.path, "finding": each.finding} for each in report.differences]
        print_json({"build": report.build_id, "files": report.files, "differences": differences})
    else:
        screen = console()
        screen.print(words.VERIFY_BUILD(build=report.build_id))
        for each in report.differences:
            screen.print(f"  {words.FINDINGS[each.finding]()}  {clean_name(each.path)}", style="bold red")
        if not report.differences:
            screen.print(words.VERIFY_SAME(count=report.files), style="bold green")
    if report.differences:
        raise typer.Exit(DIFFERENT)
