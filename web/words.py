"""A request in, its language out: which language a reader is spoken to in, and dates, counts and reasons in it."""

from __future__ import annotations

from flask import Flask, has_request_context, request
from flask_babel import Babel

from web.auth import current_reader, state

__all__ = ["LANGUAGES", "install"]

LANGUAGES = {"en": "English", "de": "Deutsch"}


def install(app: Flask) -> None:
    """Let templates and views speak the reader's language."""
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = "translations"
    Babel(app, locale_selector=language)


def language() -> str:
    """Return the language of this request: the reader's choice, else what the browser prefers, else the setting."""
    default = state().settings.web.language
    if not has_request_context():
        return default
    reader = current_reader()
    if reader is not None and reader.locale in LANGUAGES:
        return reader.locale
    return request.accept_languages.best_match([default, *LANGUAGES]) or default
