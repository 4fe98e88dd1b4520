"""Signed links keep their purpose, targets stay on this site, the secret is made once, and digests come once a day."""

from __future__ import annotations

import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine

from recommender.errors import SettingsError
from recommender.settings import Settings, load
from web.links import Signer, absolute, safe_next, secret_key

SECRET = "a secret that is long enough for the tests"


def test_a_signed_link_says_what_was_signed() -> None:
    signer = Signer(SECRET)
    token = signer.sign("vote", {"r": 1, "k": "upvote"})
    assert signer.read("vote", token, 60) == {"r": 1, "k": "upvote"}
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def test_a_signed_link_is_nothing_to_another_purpose_secret_or_hand() -> None:
    token = Signer(SECRET).sign("vote", 7)
    assert Signer(SECRET).read("leave", token, 60) is None
    assert Signer(SECRET + "!").read("vote", token, 60) is None
    for at in range(0, len(token), 5):
        assert Signer(SECRET).read("vote", token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :], 60) != 7
    assert Signer(SECRET).read("vote", "", 60) is None


def test_a_signed_link_grows_old() -> None:
    with time_machine.travel(datetime(2026, 5, 20, 8, tzinfo=UTC), tick=False):
        token = Signer(SECRET).sign("go", 7)
    with time_machine.travel(datetime(2026, 5, 20, 8, 1, tzinfo=UTC), tick=False):
        assert Signer(SECRET).read("go", token, 60) == 7
    with time_machine.travel(datetime(2026, 5, 20, 8, 1, 1, tzinfo=UTC), tick=False):
        assert Signer(SECRET).read("go", token, 60) is None


@pytest.mark.parametrize("public", ["https://papers.example.org", "https://papers.example.org/"])
def test_absolute_addresses(public: str) -> None:
    settings = load({"BROADSHEET_WEB__PUBLIC_URL": public})
    assert (
        absolute(settings, "/day/2026-05-20")
        == absolute(settings, "day/2026-05-20")
        == "https://papers.example.org/day/2026-05-20"
    )
    assert absolute(load({}), "/") == "http://127.0.0.1:8020/"


@pytest.mark.parametrize("target", ["/", "/day/2026-05-20", "/?show=40", "/paper/arxiv:math/0309136", "/a#b", "/a?next=//c"])
def test_a_path_of_this_site_is_followed(target: str) -> None:
    assert safe_next(target) == target


@pytest.mark.parametrize(
    "target",
    [
        *(
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https:evil.example",
            "https://evil.example",
            "javascript:alert(1)",
        ),
        *("/a%0d%0aLocation: x", "/a%0D%0Ab", "/%09/evil.example", "/\t/evil.example", " //evil.example", "/a\r\nb", "/a b"),
        *("/%5Cevil.example", "", None, "evil.example", "///evil.example", "/\x00", "/a\x7f"),
    ],
)
def test_anything_else_leads_to_the_front_page(target: str | None) -> None:
    assert safe_next(target) == "/"


def test_the_secret_is_made_once_and_only_its_owner_may_read_it(settings: Settings) -> None:
    secret = secret_key(settings)
    path = settings.folder / "secret.key"
    assert len(secret) >= 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert secret_key(settings) == secret
    assert [file.name for file in settings.folder.iterdir()] == ["secret.key"]


def test_processes_that_start_together_share_one_secret(settings: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: secret_key(settings), range(24)))) == 1


def test_a_set_secret_wins(settings: Settings) -> None:
    given = load({"BROADSHEET_WEB__SECRET_KEY": SECRET}, home=settings.home)
    assert secret_key(given) == SECRET
    assert not (settings.folder / "secret.key").exists()


def test_a_short_secret_is_refused_by_name(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="BROADSHEET_WEB__SECRET_KEY"):
        secret_key(load({"BROADSHEET_WEB__SECRET_KEY": "short"}, home=tmp_path))
    settings.folder.mkdir(parents=True)
    (settings.folder / "secret.key").write_text("short")
    with pytest.raises(SettingsError, match=r"secret\.key.*BROADSHEET_WEB__SECRET_KEY"):
        secret_key(settings)


def test_a_home_that_is_no_folder_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="BROADSHEET_HOME"):
        secret_key(load({}, home=tmp_path / "file" / "home"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_is_refused_by_name(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(SettingsError, match="BROADSHEET_HOME"):
        secret_key(load({}, home=tmp_path / "home"))


def test_a_stamp_is_one_texts_one_purposes_and_one_secrets() -> None:
    first, second = (Signer(f"a secret that is long enough, {number}") for number in (1, 2))
    stamp = first.stamp("collection", "1")
    assert stamp == first.stamp("collection", "1")
    assert len({stamp, first.stamp("collection", "2"), first.stamp("feed", "1"), second.stamp("collection", "1")}) == 4
    assert re.fullmatch(r"[A-Za-z0-9_-]{20}", stamp)


def test_a_sealed_token_is_the_same_each_time_and_for_one_purpose() -> None:
    signer = Signer(SECRET)
    token = signer.seal("feed", 7)
    assert token == signer.seal("feed", 7)
    assert signer.unseal("feed", token) == 7
    assert signer.unseal("vote", token) is None
    assert signer.read("feed", token, 60) is None
    assert signer.unseal("feed", signer.sign("feed", 7)) is None
    assert Signer(SECRET[::-1]).unseal("feed", token) is None
    for bad in ("", "x", token[:-1], token + "A", "é"):
        assert signer.unseal("feed", bad) is None
