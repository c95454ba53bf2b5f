import ast
import re

import pytest

from nextact.checks import code

MODULES = {name for name in code._sources() if name.split(".")[0] == "nextact"}


def imported_by(module):
    """Modules of the package whose names a module uses, as Python reads it."""
    found = set()
    for one in ast.walk(ast.parse(code._sources()[module])):
        if isinstance(one, ast.Import):
            found |= {alias.name for alias in one.names}
        elif isinstance(one, ast.ImportFrom):
            assert one.level == 0, f"{module}: an import that does not name the package is not seen"
            of_names = {f"{one.module}.{alias.name}" for alias in one.names}
            found |= of_names if of_names <= MODULES else {one.module, *of_names}
    return found & MODULES


def test_every_import_is_seen_wherever_it_is_written():
    assert len(MODULES) > 300
    for module in MODULES:
        assert imported_by(module) <= code._imports(module), module


def test_no_module_of_the_package_is_imported_by_a_name_that_is_put_together():
    used = {name for name in MODULES if re.search(rb"import_module\(|__import__\(", code._sources()[name])}
    assert used == {"nextact.text.encoder.encoder_model"}  # which imports packages that ship a model


def test_files_beside_the_modules_count_where_they_are_read():
    no_modules = {name for name in code._sources() if not name.startswith("nextact")}
    read = {name for name in no_modules if any(name.startswith(f"{folder}/") for folder in code.BESIDE.values())}
    assert no_modules - read == {"py.typed"}
    assert set(code.BESIDE) <= set(code._sources())


@pytest.mark.parametrize("edited", ["nextact.metrics.ranking", "nextact.metrics.tie_groups", "nextact.metrics"])
def test_an_edit_of_what_is_imported_is_seen(monkeypatch, edited):
    before = code.code_of(["nextact.metrics.ranking"])
    other = code.code_of(["nextact.text.blocks"])
    digests = code._digests() | {edited: "edited"}
    monkeypatch.setattr(code, "_digests", lambda: digests)
    assert code.code_of(["nextact.metrics.ranking"]) != before
    assert code.code_of(["nextact.text.blocks"]) == other


def test_of_a_file_that_is_touched_while_the_process_runs_nothing_is_known(monkeypatch):
    known = code.code_of(["nextact.metrics.ranking"])
    stamps = code._stamps() | {"nextact.metrics.tie_groups": (1, 1)}
    monkeypatch.setattr(code, "_stamps", lambda: stamps)
    assert code.code_of(["nextact.metrics.ranking"]) is None
    assert code.code_of(["nextact.text.blocks"]) is not None
    assert known is not None


def test_a_module_outside_the_package_counts_by_its_file(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_nodes.py").write_text("A = 1")
    __import__("my_nodes")
    found = code.code_of(["my_nodes"])
    assert found != code.code_of(["another_module"])
    code._digest_outside.cache_clear()
    (tmp_path / "my_nodes.py").write_text("A = 2")
    assert code.code_of(["my_nodes"]) != found


def test_the_packages_that_count_are_those_that_are_installed():
    found = code.versions()
    assert {"python", "torch", "kedro"} <= set(found) <= {"python", *code.PACKAGES}
