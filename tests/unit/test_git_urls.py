"""Addresses of git repositories."""

from __future__ import annotations

import pytest

from builds.repositories import GitError, check_url, host_of, identity, is_allowed


@pytest.mark.parametrize(
    "url",
    ["https://git.example.com/team/images.git", "http://127.0.0.1:3000/a", "https://[::1]:3000/a", "https://h.cn/图/a"],
)
def test_addresses_that_may_be_read(url: str) -> None:
    assert check_url(url) == check_url(url + "/") == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "characters"),
        ("git@git.example.com:team/images.git", "scheme"),
        ("ssh://git@git.example.com/team/images.git", "scheme"),
        ("file:///etc", "scheme"),
        ("team/images", "scheme"),
        ("https://robot:s3cret@git.example.com/a", "credentials"),
        ("https://robot@git.example.com/a", "credentials"),
        ("https:///a", "host"),
        ("https://git.example.com:port/a", "host"),
        ("https://[::1/a", "host"),
        ("https://git.example.com", "path"),
        ("https://git.example.com//", "path"),
        ("https://git.example.com/a?b", "path"),
        ("https://git.example.com/a#b", "path"),
        ("https://git.example.com/a b", "characters"),
        ("https://git.example.com/a\nb", "characters"),
        ("https://git.example.com\\@evil.example.com/a", "characters"),
        ("https://git.example.com/\ud800", "host"),
        ("https://git.example.com/" + "a" * 500, "characters"),
    ],
)
def test_what_is_no_address(url: str, why: str) -> None:
    with pytest.raises(GitError) as caught:
        check_url(url)
    assert (caught.value.code, caught.value.evidence) == ("git_url_invalid", why)


def test_all_spellings_of_a_repository_are_one() -> None:
    spellings = [
        "https://git.example.com/team/images.git",
        "https://GIT.example.com/Team/Images",
        "http://git.example.com:3000/team/images/",
        "https://robot:secret@git.example.com//team//images.git/",
        "https://git.example.com/team/im%61ges",
        "git@git.example.com:team/images.git",
        "git.example.com:/team/images",
        "ssh://git@git.example.com:2222/team/images.git",
        "git://git.example.com/team/images",
    ]
    assert {identity(spelling) for spelling in spellings} == {"git.example.com/team/images"}


@pytest.mark.parametrize(
    "url", ["", "https://git.example.com", "team/images", "https://[::1/a", "a\0b:c", "https://h/.git"]
)
def test_what_means_no_repository(url: str) -> None:
    assert identity(url) == ""


def test_different_repositories_differ() -> None:
    urls = [
        "https://a.example.com/t/i",
        "https://b.example.com/t/i",
        "https://a.example.com/t/j",
        "https://a.example.com/t/i/j",
    ]
    assert len({identity(url) for url in urls}) == 4


def test_hosts_that_users_may_use() -> None:
    url = "https://Git.example.com:3000/a"
    assert host_of(url) == "git.example.com:3000"
    assert is_allowed(url, []) and is_allowed(url, ["git.example.com"]) and is_allowed(url, ["GIT.example.com:3000"])
    assert not is_allowed(url, ["example.com"]) and not is_allowed(url, ["git.example.com:443", "git.example.com.cn"])
