"""A whole page: head, style, script. Nothing is fetched from anywhere: its policy forbids that."""

from __future__ import annotations

from importlib.resources import files

from harness.pages.html import Content, Html, el

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def document(title: str, *body: Content, script: str = "") -> str:
    """The text of an HTML file with that title and body; ``script`` is a file of this folder."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=POLICY),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("link", rel="icon", href="data:,"),
        el("title", title),
        el("style", Html(_text("page.css"))),
    )
    end = el("script", Html(_text(script))) if script else ""
    return f"<!doctype html>\n{el('html', head, el('body', body, end), lang='en')}\n"


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
