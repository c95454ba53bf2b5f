"""A project whose items have no text runs the whole line."""

import json


def test_the_whole_line_runs_without_any_text(tmp_path, copy_project, kedro):
    folder = copy_project(tmp_path)
    parameters = folder / "conf" / "test" / "parameters.yml"
    titled = parameters.read_text()
    parameters.write_text(titled.replace("text_columns: [title]", "text_columns: []"))
    assert parameters.read_text() != titled
    done = kedro(folder, "run", "--env", "test")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "content_knn is left out: this run has no item vectors" in " ".join(done.stdout.split())
    leaderboard = json.loads((folder / "data/test/06_models/leaderboard.json").read_text())
    assert {"gpt2", "stacked"} <= {one["name"] for one in leaderboard["models"]}
    assert {"content_knn", "words_knn"} == {one["name"] for one in leaderboard["left_out"]}
