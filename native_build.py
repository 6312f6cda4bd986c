"""`make native`: the modules of `zajil.native.MODULES` compiled by mypyc into `build/native`, for `ZAJIL_NATIVE`.

Run: .venv/bin/python native_build.py [--to FOLDER] [--level 0..3]. Does nothing where a build of these sources is
there, and removes those of others. Needs a C compiler and Python's headers; says which package brings what is missing.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import shlex
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent
sys.path[:0] = [str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from zajil.native import LIBRARY, MODULES, VARIABLE, Compiled, digest_sources

BUILDS: Final = ROOT / "build" / "native"
CACHE: Final = ROOT / "build" / "native-cache"
"""mypy's, of this checkout: whatever folder a build goes into, it is the same."""
_SCRATCH: Final = "making-"
_OURS: Final = re.compile(rf"[0-9a-f]{{32}}|{_SCRATCH}.*")
"""Names of builds. What else lies in a folder that somebody named is none of ours."""


def find_lack() -> str | None:
    """What this machine lacks to compile, and what brings it; None where it has all."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    if shutil.which(compiler) is None:
        return f"no C compiler, {compiler} (Debian, Ubuntu: apt-get install gcc; or CC=...)"
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        return "no Python.h (Debian, Ubuntu: apt-get install python3-dev)"
    try:
        import distutils  # noqa: F401  # of setuptools from Python 3.12 on
    except ImportError:
        return f"no setuptools ({sys.executable} -m pip install setuptools)"
    return None


def compile_into(folder: Path, *, level: int) -> None:
    """Compile all modules into this empty folder. level: of optimisation. Raises SystemExit with what mypyc says."""
    from distutils.dist import Distribution  # of setuptools from Python 3.12 on

    from mypyc.build import mypycify

    os.chdir(ROOT)  # mypy's settings stand there, and name folders below it
    paths = [f"src/{name.replace('.', '/')}.py" for name in MODULES]
    options = ["--config-file", "pyproject.toml", "--cache-dir", str(CACHE)]
    parts = mypycify(
        [*options, *paths], group_name=LIBRARY, opt_level=str(level), debug_level="0", target_dir=str(folder / "c")
    )
    for part in parts:
        # Python's own `-Wall` takes gcc three times as long over a file of 22 MB as compiling it without optimisation.
        part.extra_compile_args.append("-Wno-all")
    arguments = ["--quiet", "build_ext", "--build-lib", str(folder / "lib"), "--build-temp", str(folder / "o")]
    build = Distribution({"name": LIBRARY, "ext_modules": parts, "script_name": __file__, "script_args": arguments})
    build.parse_command_line()  # type: ignore[no-untyped-call]  # distutils has half of its types
    build.run_commands()


@contextmanager
def alone_in(*folders: Path) -> Iterator[None]:
    """Whoever else makes a build in one of these folders, or with it, waits until this one is made, and so do we."""
    opened: list[int] = []
    try:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
            opened.append(os.open(folder, os.O_RDONLY))
            fcntl.flock(opened[-1], fcntl.LOCK_EX)  # of a folder, so that no file is left; one that is killed lets go
        yield
    finally:
        for each in opened:
            os.close(each)


def build(builds: Path, *, level: int) -> Path:
    """The folder of a build of these sources, made where it is missing; others are removed. Raises SystemExit."""
    made = builds / digest_sources()
    if Compiled(made).is_whole:
        return made
    if lack := find_lack():
        raise SystemExit(f"Nothing was compiled: {lack}. Zajil runs as well without, only slower.")
    with alone_in(builds, CACHE):
        if not Compiled(made).is_whole:  # else somebody made it while we waited
            _make(made, level=level)
        for other in builds.iterdir():
            if other != made and _OURS.fullmatch(other.name):
                shutil.rmtree(other, ignore_errors=True)
    return made


def _make(made: Path, *, level: int) -> None:
    """Compile beside it; it is whole as soon as it is there."""
    with tempfile.TemporaryDirectory(dir=made.parent, prefix=_SCRATCH) as scratch:
        compile_into(Path(scratch), level=level)
        lib = Path(scratch, "lib")
        if not Compiled(lib).is_whole:
            raise SystemExit("Nothing was compiled: mypyc left a module out.")
        shutil.rmtree(made, ignore_errors=True)
        lib.rename(made)


def main() -> None:
    """Builds, and says how to run what was built."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=BUILDS, metavar="FOLDER", help="of builds, see zajil.native")
    parser.add_argument("--level", type=int, default=2, choices=range(4), help="of optimisation")
    options = parser.parse_args()
    builds = options.to.absolute()
    build(builds, level=options.level)
    print(f"{len(MODULES)} modules are compiled. They run where it is asked for: {VARIABLE}={builds} make run")


if __name__ == "__main__":
    main()
