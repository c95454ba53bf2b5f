"""Which environment a command works in, said in its first line; tables that it would not read stop it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from kedro.framework.project import settings
from kedro.framework.startup import bootstrap_project
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from nextact.checks.environment import EnvironmentLoader, NoEnvironment, folder_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SAMPLE = "environment: sample (the Complete Journey; your own tables: docs/data_contract.md)"
NOT_READ = "is not read: without --env, the environment is 'sample'; add --env local (in a notebook:"


def load(conf, env=None):
    return EnvironmentLoader(
        str(conf), env, base_env="base", default_run_env="sample", merge_strategy={"globals": "soft"}
    )


@pytest.fixture
def conf(tmp_path):
    for name, about in (("base", ""), ("sample", "about: a log\n"), ("mine", ""), ("local", "")):
        (tmp_path / "conf" / name).mkdir(parents=True)
        (tmp_path / "conf" / name / "globals.yml").write_text(f"data: data/{name}\n{about}")
    (tmp_path / "conf/local/globals.yml").unlink()
    return tmp_path / "conf"


@pytest.mark.parametrize(
    ("env", "line", "folder"),
    [
        (None, "environment: sample (a log)\n", "conf/sample"),
        ("mine", "environment: mine\n", "conf/mine"),
        ("base", "environment: base\n", "conf/ENVIRONMENT"),
    ],
)
def test_the_first_line_names_the_environment(conf, capsys, env, line, folder):
    loader = load(conf, env)
    assert capsys.readouterr().out == line
    assert folder_of(loader) == folder


def test_results_of_an_environment_that_says_no_place_go_to_a_folder_of_its_name(conf):
    (conf / "base/globals.yml").write_text("seed: 0\n")
    (conf / "mine/globals.yml").write_text("engine: spark\n")
    (conf / "mine/catalog.yml").write_text(
        "events: {type: pandas.CSVDataset, filepath: '${globals:data}/events.csv'}\n"
    )
    loader = load(conf, "mine")
    assert loader["globals"] == {"seed": 0, "engine": "spark", "data": "data/mine"}
    assert loader["catalog"]["events"]["filepath"] == "data/mine/events.csv"
    (conf / "mine/globals.yml").write_text("data: elsewhere\n")
    assert load(conf, "mine")["catalog"]["events"]["filepath"] == "elsewhere/events.csv"
    assert load(conf)["globals"]["data"] == "data/sample"


TABLES = {
    "catalog.yml": "raw_events: {}\n",
    "parameters_events.yml": "events: {}\n",
    "catalog/raw.yaml": "raw_events: {}\n",
    "shop/parameters.json": "{}",
    "globals.yml": "shared_data: /data\nengine: spark\n",
}


@pytest.mark.parametrize("name", TABLES)
def test_own_tables_that_would_not_be_read_stop_a_command_without_an_environment(conf, name):
    path = conf / "local" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(TABLES[name])
    with pytest.raises(NoEnvironment, match=rf"^conf/local/{name} is not read: .* add --env local"):
        load(conf)
    for env in ("local", "mine", "sample"):
        load(conf, env)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".gitkeep", ""),
        ("credentials.yml", "shop: {password: x}\n"),
        ("mlflow.yml", "enabled: false\n"),
        ("globals.yml", "shared_data: /data\n"),
        ("catalog.yml", "# nothing yet\n\n"),
    ],
)
def test_settings_that_are_about_no_table_do_not_stop_it(conf, name, text):
    (conf / "local" / name).write_text(text)
    assert load(conf)["globals"]["data"] == "data/sample"


def test_a_project_without_the_sample_says_which_environments_there_are(conf):
    (conf / "sample/globals.yml").unlink()
    (conf / "sample").rmdir()
    with pytest.raises(NoEnvironment, match=r"there is no conf/sample; add --env, of base, local, mine$"):
        load(conf)
    load(conf, "mine")


@pytest.fixture(scope="module")
def with_tables(tmp_path_factory, copy_project):
    folder = copy_project(tmp_path_factory.mktemp("with_tables"))
    (folder / "conf/local/catalog.yml").write_text("raw_events: {type: pandas.CSVDataset, filepath: a.csv}\n")
    return folder


def test_a_bare_run_ends_in_one_message_and_one_that_names_local_reads_it(with_tables, run_here):
    done = run_here(with_tables, "run")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"error: conf/local/catalog.yml {NOT_READ}")
    assert done.stderr.count("\n") == 1
    named = run_here(with_tables, "run", "--env", "local", "--pipelines", "data_processing")
    assert "environment: local\n" in named.stdout
    assert "error: parameters: nothing states events.user_id" in named.stderr


def test_erasing_without_an_environment_ends_in_the_same_message(with_tables, run_here):
    done = run_here(with_tables, "erase-user", "--user-id", "u1")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"error: conf/local/catalog.yml {NOT_READ}")


def test_kedro_viz_ends_in_the_same_message_and_waits_for_no_server(with_tables, kedro):
    done = kedro(with_tables, "viz", "run", "--no-browser")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith(f"error: conf/local/catalog.yml {NOT_READ}")
    assert "Traceback" not in done.stdout + done.stderr


def notebook_in(folder):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("%load_ext kedro.ipython")])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    environ = {key: value for key, value in os.environ.items() if key != "KEDRO_ENV"} | {"DO_NOT_TRACK": "1"}
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder / "notebooks")}})
    return notebook, lambda: client.execute(env=environ)


def test_a_notebook_names_the_environment_in_its_first_output(tmp_path, copy_project):
    notebook, run = notebook_in(copy_project(tmp_path))
    run()
    said = "".join(one.get("text", "") for one in notebook.cells[0].outputs if one.get("name") == "stdout")
    assert f"{SAMPLE}\n" in said


def test_a_notebook_beside_own_tables_ends_in_the_same_message(with_tables):
    notebook, run = notebook_in(with_tables)
    with pytest.raises(CellExecutionError):
        run()
    outputs = notebook.cells[0].outputs
    said = "".join(one.text for one in outputs if one.get("name") == "stderr" and "IPKernelApp" not in one.text)
    assert said.startswith(f"error: conf/local/catalog.yml {NOT_READ}")
    assert said.count("\n") == 1
    assert "Traceback" not in str(outputs)


def test_kedro_viz_names_the_environment_when_it_starts(tmp_path, copy_project):
    command = [sys.executable, "-m", "kedro", "viz", "run", "--no-browser", "--host", "127.0.0.1", "--port", "41417"]
    environ = {key: value for key, value in os.environ.items() if key != "KEDRO_ENV"} | {"DO_NOT_TRACK": "1"}
    with subprocess.Popen(
        command,
        cwd=copy_project(tmp_path),
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as started:
        try:
            assert any(line.strip() == SAMPLE for line in started.stdout)
        finally:
            os.killpg(started.pid, signal.SIGKILL)


def test_the_project_falls_back_on_the_sample():
    bootstrap_project(ROOT)
    assert settings.CONFIG_LOADER_CLASS is EnvironmentLoader
    assert settings.CONFIG_LOADER_ARGS["default_run_env"] == "sample"


OF_NO_DATA_SET = {
    "seed",
    "encoder_cache",
    "item_text.text_columns",
    "launch.checkpoint_folder",
    "summary_users",
    "feedback.report.seed",
} | {
    "feedback.off_policy.seed",
    "sequence.nextact.options.backbone.name",
    "sequence.bert.options.backbone.name",
    "sequence.bert.options.loss.objective",
}


def leaves(block, prefix=""):
    for key, value in block.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def test_the_base_knows_no_data_set():
    files = {path.name: yaml.safe_load(path.read_text()) for path in (ROOT / "conf/base").glob("*.yml")}
    assert set(leaves(files["parameters.yml"])) == OF_NO_DATA_SET
    entries = {
        name: entry for file, found in files.items() if file.startswith("catalog") for name, entry in found.items()
    }
    assert not {"raw_events", "raw_items"} & set(entries)
    assert not [name for name, entry in entries.items() if "complete_journey" in str(entry)]
