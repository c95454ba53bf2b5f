"""Rows about users on the pages that the templates write, and nothing else on them, go with the user."""

import pytest

from nextact.erasing.changes import Erased, finish
from nextact.erasing.search import files_naming
from nextact.erasing.texts import stage_page
from nextact.reports.pages.evaluation_tables import examples
from nextact.reports.pages.tables import Table
from nextact.reports.pages.templating import _environment
from nextact.results.evaluation import Example, Place

LAYOUT = "{% from 'parts.html' import table %}{% for one in tables %}{{ table(one) }}{% endfor %}"


def told(user_id):
    place = Place(rank=1, item="</tr>tea & <b>", probability=0.5, is_hit=True)
    return Example(user_id=user_id, history=("a</td></tr>b",), recommended=(place,), chosen=("tea",), n_chosen=1)


def page(user_ids):
    """The examples of some users, and a table of models of which one is called as a user is."""
    tables = [Table("models", ["model"], [[user_id] for user_id in user_ids])]
    return (
        _environment(False)
        .from_string(LAYOUT)
        .render(tables=[*tables, examples("right", [told(user_id) for user_id in user_ids], "abc")])
    )


@pytest.mark.parametrize(
    "user_id", ["u1", "<b>&'\"", 'class="user"><td>', "50 % of", "50\u00a0% of", "a\r\n\nb", "über ☕", "&lt;"]
)
def test_the_rows_of_one_user_go(tmp_path, user_id):
    (tmp_path / "page.html").write_bytes(page([user_id, "u10"]).encode())
    (change,) = stage_page("evaluation_page", tmp_path / "page.html", Erased(user_id))
    assert change.n_rows == 1
    finish(tmp_path / "page.html")
    rest = (tmp_path / "page.html").read_bytes().decode()
    everybody = page([user_id, "u10"])
    assert rest.count("<tr") == everybody.count("<tr") - 1
    assert rest == everybody.replace(page([user_id]).split("<tbody>")[2].split("</tbody>")[0].strip("\n") + "\n", "")
    assert list(stage_page("evaluation_page", tmp_path / "page.html", Erased(user_id))) == []


@pytest.mark.parametrize("user_id", ["u1", "<b>&'\"x", "50 % of", "über ☕"])
def test_an_id_on_a_page_is_found(tmp_path, user_id):
    (tmp_path / "page.html").write_text(page([user_id]))
    assert files_naming(user_id, [tmp_path]) == [tmp_path / "page.html"]
