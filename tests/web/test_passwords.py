"""Passwords: kept as argon2 hashes, refused when everybody has them, and never many computed at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher, extract_parameters
from flask import Flask

from recommender.errors import StoreError
from web import passwords

GOOD = "mauve otter on a ladder"


@pytest.fixture(autouse=True)
def _speaking(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


def test_the_right_one_is_right_and_nothing_else() -> None:
    kept = passwords.hashed(GOOD)
    assert GOOD not in kept
    assert kept != passwords.hashed(GOOD)
    assert passwords.is_right(kept, GOOD)
    for wrong in ("", GOOD + " ", GOOD.upper(), GOOD[:-1], kept):
        assert not passwords.is_right(kept, wrong)


def test_the_same_keys_are_the_same_password_however_they_are_composed() -> None:
    assert passwords.is_right(passwords.hashed("Schlüssel für zehn"), "Schlu\u0308ssel fu\u0308r zehn")


@pytest.mark.parametrize("kept", [None, "", "not a hash", "$argon2id$v=19$m=8,t=1,p=1$x$y", "$2b$12$abc"])
def test_without_a_whole_hash_nothing_is_right(kept: str | None) -> None:
    assert not passwords.is_right(kept, GOOD)
    assert not passwords.is_right(kept, "nobody's password, which nobody knows")


def test_it_is_hashed_with_the_pains_that_are_recommended() -> None:
    made = extract_parameters(passwords.hashed(GOOD))
    assert (made.memory_cost, made.time_cost, made.parallelism, made.type.name) == (19_456, 2, 1, "ID")
    assert not passwords.is_outdated(passwords.hashed(GOOD))
    assert passwords.is_outdated(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(GOOD))


def test_an_unknown_name_takes_as_long_as_a_wrong_password() -> None:
    """Within what a busy machine does to two measurements of some 20 ms; without the hash it would be a thousandth."""
    kept = passwords.hashed(GOOD)
    passwords.is_right(None, GOOD)

    def fastest(hashed: str | None) -> float:
        took = []
        for _ in range(7):
            begun = time.thread_time()
            passwords.is_right(hashed, "wrong password")
            took.append(time.thread_time() - begun)
        return min(took)

    assert fastest(None) == pytest.approx(fastest(kept), rel=0.5)


@pytest.mark.parametrize(
    "password",
    [
        *(
            "short",
            "123456789",
            "1234567890",
            "12345678910",
            "0987654321",
            "abcdefghij",
            "qwertyuiop",
            "aaaaaaaaaa",
            "abababababab",
        ),
        *("password123", "Passwort2026!", "iloveyou123", "letmein2024", "passwordpassword", "sunshine1234", "1q2w3e4r5t6z"),
        *("correcthorsebatterystaple", "Ada Lovelace", "ADA LOVELACE 1815", "ada.lovelace@example.org", "x" * 201, "          "),
    ],
)
def test_these_are_refused(password: str) -> None:
    assert passwords.problem(password, "Ada Lovelace", "ada.lovelace@example.org")


@pytest.mark.parametrize(
    "password", [GOOD, "Tr0ub4dor&3xyz", "пароль из десяти", "密码密码一二三四五六七", "x7#Kq9!zLm", "a" * 50 + "bcdef" * 10]
)
def test_these_are_taken(password: str) -> None:
    assert passwords.problem(password, "Ada Lovelace", "") is None


def test_only_a_few_are_computed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends fifty at once takes the memory of two."""
    now, most, lock = 0, 0, threading.Lock()

    class Slow:
        def hash(self, _: str) -> str:
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(0.005)
            with lock:
                now -= 1
            return "x"

    monkeypatch.setattr(passwords, "_hasher", Slow())
    threads = [threading.Thread(target=passwords.hashed, args=(GOOD,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == passwords.AT_ONCE


def test_who_waits_too_long_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAIT_S", 0.01)
    for _ in range(passwords.AT_ONCE):
        passwords._room.acquire()
    try:
        with pytest.raises(StoreError, match="too many"):
            passwords.hashed(GOOD)
    finally:
        for _ in range(passwords.AT_ONCE):
            passwords._room.release()
    assert passwords.hashed(GOOD)
