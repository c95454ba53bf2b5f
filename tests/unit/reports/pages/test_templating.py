"""What templates do to text from data."""

import pytest
from jinja2 import DictLoader, UndefinedError

from nextact.reports.pages import templating
from nextact.reports.pages.tables import Table
from nextact.reports.pages.templating import plain

from ..reading import EVIL, Page


@pytest.fixture
def render(monkeypatch):
    """Render a template given as text, beside those of the package."""

    def rendered(source, name="page.html", **context):
        environment = templating._environment.__wrapped__(name.endswith(".md"))
        loader = environment.loader
        environment.loader = DictLoader({name: source, **{one: loader.get_source(environment, one)[0] for one in USED}})
        return environment.get_template(name).render(context)

    return rendered


USED = ("parts.html", "base.html", "style.css", "model_card.md")
TABLE = '{% from "parts.html" import table %}{{ table(shown) }}'


def test_html_is_escaped(render):
    assert render("{{ x }}", x=EVIL) == "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"


def test_markdown_is_escaped(render):
    assert render("{{ x }}", "card.md", x="<b> *a* [x](http://y) `c` | #") == (
        "&lt;b&gt; \\*a\\* \\[x\\](http://y) \\`c\\` \\| \\#"
    )


@pytest.mark.parametrize("name", ["page.html", "card.md"])
def test_a_name_that_nobody_gave_stops_the_writing(render, name):
    with pytest.raises(UndefinedError):
        render("{{ missing }}", name)


def test_an_interval_in_a_sentence_is_left_alone_but_a_link_is_not():
    assert plain("a [0.10, -0.20] b") == "a [0.10, -0.20] b"
    assert plain("[0.1, 0.2](javascript:x)") == "\\[0.1, 0.2\\](javascript:x)"


def test_numbers_are_aligned_to_the_right_and_texts_are_not(render):
    html = render(TABLE, shown=Table("", ["a", "b", "n"], [["x", "y", "1"]], 2))
    page = Page(html)
    assert page.cells == ["a", "b", "n", "x", "y", "1"]
    assert [tag for tag, name, value in page.attributes if (name, value) == ("class", "n")] == ["th", "td"]


def test_a_table_has_the_stamp_of_what_it_belongs_to(render):
    page = Page(render(TABLE, shown=Table("Models", ["a"], [["1"]], stamp="protocol abc")))
    assert page.captions == ["Models · protocol abc"]


def test_cells_and_names_of_a_table_are_escaped(render):
    html = render(TABLE, shown=Table(EVIL, [EVIL, EVIL], [[EVIL, EVIL]], 0))
    assert "<script" not in html
    assert Page(html).cells == [EVIL] * 4


def test_a_percentage_is_not_torn_apart(render):
    assert render("{{ x | share }}", x=0.5) == "50.0\u00a0%"


def test_the_templates_are_part_of_the_package():
    import tomllib
    from fnmatch import fnmatch
    from pathlib import Path

    root = Path(__file__).parents[4]
    patterns = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["nextact"]
    there = [path.relative_to(root / "src/nextact") for path in (root / "src/nextact").rglob("templates/*")]
    assert len(there) >= 5
    assert all(any(fnmatch(str(path), pattern) for pattern in patterns) for path in there)
