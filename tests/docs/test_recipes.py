"""The contributor's page names files and modules that are there."""

import re
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MADE = {  # by following the page
    "src/nextact/models/baselines/rising.py",
    "src/nextact/text/words/trigrams.py",
    "conf/books/globals.yml",
    "conf/books/catalog.yml",
    "conf/books/parameters.yml",
}


def test_files_of_the_recipes_are_there():
    named = set(re.findall(r"`((?:src|conf|tests|benchmarks)/[\w/.]+\.(?:py|yml))`", PAGE))
    assert len(named) > 10
    assert [name for name in named - MADE if not (ROOT / name).exists()] == []
    assert [name for name in MADE if (ROOT / name).exists()] == []


def test_what_the_recipes_import_is_there():
    imports = re.findall(r"^ *from (nextact[\w.]*) import (.+)$", PAGE, re.M)
    assert len(imports) >= 5
    for module, names in imports:
        spec = find_spec(module)
        assert spec is not None, module
        source = Path(spec.origin).read_text(encoding="utf-8") + PAGE[: PAGE.index(f"from {module} import {names}")]
        assert [name for name in names.split(", ") if not re.search(rf"\b{name}\b", source)] == [], module
