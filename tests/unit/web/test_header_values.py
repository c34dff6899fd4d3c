"""Addresses and names that callers chose, as they stand in headers."""

import re
from urllib.parse import unquote

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from shared.web.header_values import address_of, file_named, link_to
from shared.web.paging import next_link

PLAIN = re.compile(r"[!-~]+")


def asked(raw_path: bytes, query: bytes = b"") -> Request:
    path = unquote(raw_path.decode("latin-1"))
    return Request(
        {"type": "http", "path": path, "raw_path": raw_path, "query_string": query, "headers": [(b"host", b"test")]}
    )


@given(st.text())
def test_no_text_leaves_its_place(text: str) -> None:
    link = link_to(text, "next")
    assert PLAIN.fullmatch(link.replace(' rel="next"', ""))
    assert re.fullmatch(r'<[^<>"]*>; rel="next"', link)
    for value in (file_named(text), file_named(text, shown=True)):
        assert re.fullmatch(
            r"""(attachment|inline)(; filename="[\w.-]+"|; filename\*=UTF-8''[\w.~%-]+)?""", value, re.ASCII
        )


@given(st.text(st.characters(codec="utf-8")))
def test_a_name_comes_back(name: str) -> None:
    given_name = file_named(name).partition("filename")[2]
    assert (given_name.strip('="') if given_name.startswith("=") else unquote(given_name[9:])) == name


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        (b"/v1/lots/a%2Fb", "/v1/lots/a%2Fb"),
        (b'/v1/<">', "/v1/%3C%22%3E"),
        (b"/%E5%BA%97", "/%E5%BA%97"),
        (b"/\xe5\xba\x97\\", "/%E5%BA%97%5C"),
        (b"//evil.example/", "/evil.example/"),
        (b"/a%3Fb", "/a%3Fb"),
        (b"/", "/"),
    ],
)
def test_an_address_stays_as_it_was_sent(raw: bytes, address: str) -> None:
    assert address_of(asked(raw)) == address


def test_the_next_page_is_of_the_same_address() -> None:
    link = next_link(asked(b'/v1/x/%E5%BA%97">', "q=%22%3E&q=店".encode()), "abc")["Link"]
    assert link == "<" + "/v1/x/%E5%BA%97%22%3E?q=%22%3E&q=%E5%BA%97&cursor=abc" + '>; rel="next"'
