"""A secret and an address in, signed links out: tokens that work for one purpose, paths that stay on this site."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from itsdangerous import BadData, TimestampSigner, URLSafeSerializer, URLSafeTimedSerializer
from itsdangerous.encoding import base64_encode

from recommender.errors import SettingsError
from recommender.settings import Settings

__all__ = ["FEED", "Signer", "absolute", "host", "safe_next", "secret_key"]

MIN_SECRET = 32  # characters
_compact = json.JSONEncoder(separators=(",", ":")).encode
FEED = "feed"  # purpose of the token in a feed's address


class Signer:
    """Signs small values into links, and reads them back; a token made for one purpose is nothing to another.

    Parameters
    ----------
    secret : str

    Examples
    --------
    >>> signer = Signer("an example of a secret, 32 characters")
    >>> signer.read("unsubscribe", signer.sign("unsubscribe", {"reader": 7}), 60)
    {'reader': 7}
    >>> signer.read("vote", signer.sign("unsubscribe", {"reader": 7}), 60) is None
    True
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._made: dict[str, tuple[URLSafeTimedSerializer, TimestampSigner]] = {}  # a digest signs thirty links

    def sign(self, purpose: str, payload: Any) -> str:
        """Return a token of address-safe letters; `payload` is anything JSON can hold."""
        _, signer = self._tools(purpose)
        signed: bytes = signer.sign(base64_encode(_compact(payload).encode()))
        return signed.decode()

    def read(self, purpose: str, token: str, max_age_s: float) -> Any | None:
        """Return the payload; None when the token is altered, older than `max_age_s` seconds or made for another purpose."""
        try:
            return self._tools(purpose)[0].loads(token, max_age=int(max_age_s))
        except BadData:
            return None

    def stamp(self, purpose: str, text: str) -> str:
        """Return letters that only this secret gives for a text: the same ones each time, for an address that cannot be guessed."""
        key = hashlib.sha256(f"broadsheet.{purpose}.{self._secret}".encode()).digest()
        return base64.urlsafe_b64encode(hmac.digest(key, text.encode(), "sha256")[:15]).decode()

    def seal(self, purpose: str, payload: Any) -> str:
        """Return a token that is the same whenever it is made and does not grow old: for what can be revoked elsewhere."""
        return str(URLSafeSerializer(self._secret, salt=f"broadsheet.sealed.{purpose}").dumps(payload))

    def unseal(self, purpose: str, token: str) -> Any | None:
        """Return a sealed payload; None when the token is altered or made for another purpose."""
        try:
            return URLSafeSerializer(self._secret, salt=f"broadsheet.sealed.{purpose}").loads(token)
        except BadData:
            return None

    def _tools(self, purpose: str) -> tuple[URLSafeTimedSerializer, TimestampSigner]:
        if purpose not in self._made:
            serializer = URLSafeTimedSerializer(self._secret, salt=f"broadsheet.{purpose}")
            key = serializer.make_signer().derive_key()  # once, not for each link
            self._made[purpose] = serializer, TimestampSigner(key, key_derivation="none")
        return self._made[purpose]


def absolute(settings: Settings, path: str) -> str:
    """Return the address readers see for a path of this site.

    Examples
    --------
    >>> from recommender.settings import load
    >>> absolute(load({"BROADSHEET_WEB__PUBLIC_URL": "https://papers.example.org/"}), "/shelf")
    'https://papers.example.org/shelf'
    """
    return f"{settings.public_url}/{path.lstrip('/')}"


def host(settings: Settings) -> str:
    """Return the name of the machine readers know, as it may stand in an id."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", urlsplit(settings.public_url).hostname or "localhost")


def secret_key(settings: Settings) -> str:
    """Return the secret that signs cookies and links: the one that is set, or the home's own, made on first use.

    Raises
    ------
    SettingsError
        If it is shorter than 32 characters, or its file cannot be read or written.
    """
    if settings.web.secret_key is not None:
        return _long_enough(settings.web.secret_key.get_secret_value(), "BROADSHEET_WEB__SECRET_KEY")
    path = settings.folder / "secret.key"
    try:
        if not path.exists():
            _make_secret(path)
        return _long_enough(path.read_text(encoding="ascii").strip(), f"{path} (BROADSHEET_WEB__SECRET_KEY is not set)")
    except OSError as error:
        raise SettingsError(
            f"cannot keep the secret key in {path}: {error.strerror}; "
            "set BROADSHEET_HOME to a folder that can be written, or BROADSHEET_WEB__SECRET_KEY"
        ) from None


def safe_next(target: str | None) -> str:
    r"""Return `target` when it is a plain path of this site, else the front page.

    Examples
    --------
    >>> safe_next("/day/2026-05-20?show=40")
    '/day/2026-05-20?show=40'
    >>> [safe_next(bad) for bad in ("//evil.example", "/\\evil.example", "https:evil.example", "/a%0d%0ab", None)]
    ['/', '/', '/', '/', '/']
    """
    if not target or not target.startswith("/") or target.startswith("//") or "\\" in target:
        return "/"
    lowered = target.lower()
    if any(ord(letter) <= 32 or ord(letter) == 127 for letter in target) or any(
        code in lowered for code in ("%0a", "%0d", "%09", "%5c")
    ):
        return "/"
    try:
        parts = urlsplit(target)
    except ValueError:
        return "/"
    return "/" if parts.scheme or parts.netloc else target


def _make_secret(path: Path) -> None:
    """Write a new secret whole and link it to its name: of two processes that start together, one wins and both read the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        partial.unlink()


def _long_enough(secret: str, name: str) -> str:
    if len(secret) < MIN_SECRET:
        raise SettingsError(f"{name}: the secret must have at least {MIN_SECRET} characters; `openssl rand -base64 32` makes one")
    return secret
