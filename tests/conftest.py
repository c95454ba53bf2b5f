"""A copy of the project whose default pipeline ran on the tiny generated shop, made once a worker."""

import os
import shutil
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import pytest
from click.testing import CliRunner

ROOT = Path(__file__).parents[1]


def pytest_collection_modifyitems(items):
    """The file of odd tables first: it takes longest by far, and at the end it would keep one worker busy alone."""
    items.sort(key=lambda item: item.path.parent.name != "property")


def run_kedro(project, *arguments):
    """Run a kedro command in a project, as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "kedro", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        env=os.environ | {"DO_NOT_TRACK": "1", "COLUMNS": "200"},
        check=False,
    )


def run_kedro_here(project, *arguments):
    """Run a kedro command in this process: nothing heavy is imported a second time."""
    from kedro.framework.startup import bootstrap_project

    from nextact.cli import cli

    with chdir(project):
        bootstrap_project(project)
        done = CliRunner().invoke(cli, list(arguments))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def copy_of_project(folder):
    """A copy, so that runs of tests beside each other never share a data root."""
    for part in ("conf", "notebooks"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    return folder


@pytest.fixture(scope="session")
def kedro():
    return run_kedro


@pytest.fixture(scope="session")
def run_here():
    return run_kedro_here


@pytest.fixture(scope="session")
def copy_project():
    return copy_of_project


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    folder = copy_of_project(tmp_path_factory.mktemp("project"))
    done = run_kedro(folder, "run", "--env", "test")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder
