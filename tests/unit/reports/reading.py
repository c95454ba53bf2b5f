"""A page as a reader of it sees it."""

import re
from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "input", "link"}
HASH, EVIL = "abc123def456", "<script>alert('x')</script>"


class Page(HTMLParser):
    """Tags, attributes, texts, captions and cells of HTML in which everything opened is closed in order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts, self.captions, self.cells = [], [], [], [], [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *one) for one in attrs]
        if tag not in VOID:
            self.open.append((tag, dict(attrs).get("class", "")))

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *one) for one in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        words = data.replace("\xa0", " ")
        self.texts.append(words)
        if self.open and self.open[-1] == ("p", "caption"):
            self.captions.append(words)
        if self.open and self.open[-1][0] in ("td", "th"):
            self.cells.append(words)

    @property
    def words(self):
        return " ".join(" ".join(self.texts).split())


def outside_folds(html):
    """The page as it looks before anything is opened."""
    return re.sub(r"<details>.*?</details>", "", html, flags=re.DOTALL)


def assert_it_stands_alone(html):
    """No script, no address but places of the page itself."""
    page = Page(html)
    assert not {"script", "link", "img", "iframe", "object", "image", "foreignobject"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name in ("src", "srcset")]
    links = [value for _, name, value in page.attributes if name.endswith("href")]
    assert links
    anchors = [value for _, name, value in page.attributes if name == "id"]
    assert {link[1:] for link in links} <= set(anchors)
    assert all(link.startswith("#") for link in links)
    assert len(anchors) == len(set(anchors))
    assert "http" not in html.replace("http-equiv", "")
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html


def tips(svg):
    """What a figure says where the mouse rests."""
    return re.findall(r"<title>([^<]*)</title>", svg)


def texts_of(svg):
    """What is written in a figure."""
    return re.findall(r"<(?:text|tspan)[^>]*>([^<]*)</", svg)
