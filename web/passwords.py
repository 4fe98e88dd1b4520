"""A password in, its hash (or whether it is the right one, or what is wrong with it) out: argon2, and never many at once.

A hash takes 19 MiB and some 20 ms on purpose. Whoever sends a thousand passwords at once must not take a thousand times that, so
only a few are computed at a time and the others wait.

References
----------
OWASP, "Password Storage Cheat Sheet", 2025: Argon2id with 19 MiB, 2 iterations, parallelism of 1.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask_babel import gettext as _

from recommender.errors import StoreError

__all__ = ["AT_ONCE", "LEAST", "MOST", "hashed", "is_outdated", "is_right", "problem"]

LEAST = 10  # characters
MOST = 200  # characters: longer ones only cost time
AT_ONCE = 2  # hashes computed at a time in one process
WAIT_S = 10.0

# The most common ones of ten characters and more in lists of stolen passwords, without the digits at their ends.
_WORDS = """
administrator alexander anthony asdfghjkl asdfghjklo babygirl baseball basketball beautiful blink butterfly changeme charlotte
chocolate christian christopher computer cookiemonster deutschland elizabeth everything football forgotpassword gabriella
hallohallo helloworld hellokitty iloveyou iloveyouso iloveyoubaby internet jamesbond jonathan justinbieber letmein letmeinnow
liverpool lovelylove loveyou manchester michaeljackson mypassword nothing p@ssw0rd passw0rd password passwordpassword passwort
passwortpasswort patricia pokemon princess qazwsxedc qwerasdfzxcv qwertyuiop qwertyuio qwerty qwertz qwertzuiop sebastian
secret secretsecret slipknot snowboard sommer spiderman squirrel starwars strawberry sunflower sunshine superman sunshineday
summer supersecret superstar tinkerbell trustnoone unbelievable undertaker universe valentina veronica victoria volleyball
welcome whatever winter wonderful zaqxswcde zxcvbnm broadsheet arxivarxiv correcthorsebatterystaple
"""
COMMON = frozenset(_WORDS.split())
ROWS = (
    "01234567890123456789",
    "98765432109876543210",
    "1234567891011121314",
    "abcdefghijklmnopqrstuvwxyz",
    "1q2w3e4r5t6z7u8i9o0p",
    "1q2w3e4r5t6y7u8i9o0p",
)

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_room = BoundedSemaphore(AT_ONCE)


def hashed(password: str) -> str:
    """Return the hash of a password, with the way it was made inside.

    Raises
    ------
    StoreError
        If too many are being computed.
    """
    with _turn():
        return _hasher.hash(_plain(password))


def is_right(kept: str | None, password: str) -> bool:
    """Return whether this is the password of a kept hash; without one it is not, and finding that out takes as long.

    Raises
    ------
    StoreError
        If too many are being computed.
    """
    with _turn():
        try:
            return _hasher.verify(kept or _nobodys(), _plain(password)) and bool(kept)
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(kept: str) -> bool:
    """Return whether a hash was made with fewer pains than are taken today."""
    return _hasher.check_needs_rehash(kept)


def problem(password: str, *names: str) -> str | None:
    """Return what is wrong with a new password, or None.

    Parameters
    ----------
    password : str
    *names : str
        What it must not be: the reader's name and address.
    """
    plain = _plain(password).casefold()
    if len(plain) < LEAST:
        return str(_("Use at least %(count)s characters; a few words in a row are good.", count=LEAST))
    if len(password) > MOST:
        return str(_("Use at most %(count)s characters.", count=MOST))
    own = {part for name in names if name for part in (name.casefold(), *name.casefold().split("@"))}
    if plain in own or plain.strip("0123456789!?.-_ ") in own:
        return str(_("Your name or address is the first that others try: choose something else."))
    if _is_common(plain):
        return str(_("Many people use this password, so it is among the first that are tried: choose another."))
    return None


def _is_common(plain: str) -> bool:
    """Whether it is a well-known word with digits around it, a row of the keyboard, or the same few letters over and over."""
    core = plain.strip("0123456789!?.-_ *#$")
    doubled = (core + core).find(core, 1) if core else 0  # how soon the word repeats itself
    row = any(plain in f"{row}{row}" for row in ROWS)
    return row or len(set(plain)) < 4 or core in COMMON or core[:doubled] in COMMON


def _plain(password: str) -> str:
    """Return the same letters for the same keys, whichever way a keyboard composes them."""
    return unicodedata.normalize("NFKC", password)


@contextmanager
def _turn() -> Iterator[None]:
    if not _room.acquire(timeout=WAIT_S):
        raise StoreError("too many people are signing in at this moment: try again in a minute")
    try:
        yield
    finally:
        _room.release()


@cache
def _nobodys() -> str:
    """Return a hash that no password has."""
    return _hasher.hash("nobody's password, which nobody knows")
