"""Digital Link URIs, element strings and what people type."""

import re
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.identifiers import IdentifierError, digital_link, gs1
from shared.identifiers.digital_link import Code, Link, parse, parse_any, parse_link
from tests.support.reference import reference

GTIN = "06901234567892"


def explained(error: IdentifierError) -> None:
    assert error.zh
    assert error.en


components = st.text("".join(sorted(gs1.CHARSET_82)), min_size=1, max_size=20)
gtins = st.text("0123456789", min_size=13, max_size=13).map(lambda text: text + gs1.check_digit(text))
codes = st.builds(
    Code,
    gtins,
    st.none() | components,
    st.none() | components,
    st.lists(
        st.tuples(st.just("22"), components)
        | st.tuples(st.just("17"), st.sampled_from(["261231", "270100"]))
        | st.tuples(st.just("3103"), st.text("0123456789", min_size=6, max_size=6))
        | st.tuples(st.just("240"), components),
        unique_by=lambda pair: pair[0],
        max_size=4,
    ).map(lambda pairs: tuple(sorted(pairs))),
)


@pytest.mark.parametrize(
    "text",
    [
        f"https://id.gs1.org/01/{GTIN}/10/A%2F1/21/7",
        f"http://trace.example.cn:8000/01/{GTIN}/10/A%2F1/21/7?linkType=all",
        f"HTTPS://QR.example.cn/some/00/prefix/01/{GTIN}/10/A%2F1/21/7/",
        f"https://example.cn/gtin/{GTIN}/lot/A%2F1/ser/7",
        "https://example.cn/01/6901234567892/10/A%2F1/21/7#top",
        f"https://example.cn/01/{GTIN}?10=A%2F1&21=7",
        f"扫码查看 https://example.cn/01/{GTIN}/10/A%2F1/21/7",
        f"/01/{GTIN}/10/A%2F1/21/7",
        f"01/{GTIN}/10/A%2F1/21/7",
        f"(01){GTIN}(10)A/1(21)7",
        f"（01）{GTIN}（10）A/1（21）7",
        f"(01) {GTIN} (10) A/1 (21) 7",
        f"01{GTIN}10A/1\x1d217",
        f"]C101{GTIN}10A/1\x1d217",
        f"]d201{GTIN}217<GS>10A/1",
        f"01{GTIN}10A/1␝217",
        f"01{GTIN}10A/1^217",
        f"{GTIN}+A/1+7",
        "6901234567892 A/1 7",
        "6901234567892|A/1|7",
        "商品条码：6901234567892 批号：A/1 序列号：7",
        "GTIN:6901234567892;LOT:A/1;SN:7",
        "产品条码: 6901234567892，生产批号: A/1，流水号: 7",
    ],
)
def test_every_form_of_one_code(text: str) -> None:
    assert parse_any(text) == Code(GTIN, "A/1", "7")


@pytest.mark.parametrize("lot", ["A/1", "L2026.09.01", ".5", "A+1", "A-1", "(10)A", "21/7", "http:"])
def test_the_platform_s_lot_id(lot: str) -> None:
    assert parse_any(f"{GTIN}.{lot}") == parse_any(f" {GTIN}．{lot}") == Code(GTIN, lot)


def test_path_uri_and_element_string() -> None:
    code = Code(GTIN, "A/1+(b)", "7", (("17", "261231"), ("22", "v1")))
    assert code.path == f"/01/{GTIN}/22/v1/10/A%2F1%2B%28b%29/21/7"
    assert code.uri("https://trace.example.cn/") == "https://trace.example.cn" + code.path + "?17=261231"
    assert code.element_string() == f"(01){GTIN}(22)v1(10)A/1+\\(b)(21)7(17)261231"
    assert code.lot_id == f"{GTIN}.A/1+(b)"
    assert Code(GTIN).lot_id is None


def test_a_plus_in_a_lot_stays_a_plus() -> None:
    assert parse(f"https://example.cn/01/{GTIN}/10/A+B").lot == "A+B"
    assert parse(f"https://example.cn/01/{GTIN}?10=A+B").lot == "A+B"


def test_other_query_parameters_are_not_part_of_the_code() -> None:
    assert parse(f"https://example.cn/01/{GTIN}?linkType=all&utm=1&17=261231&9999999=1").extras == (("17", "261231"),)


def test_the_rightmost_key_counts() -> None:
    assert parse_link(f"https://example.cn/01/x/00/y/01/{GTIN}").key == ("01", GTIN)
    assert parse_link(f"https://example.cn/01/{GTIN}/10/00").qualifiers == (("10", "00"),)


@pytest.mark.parametrize(
    ("uri", "link"),
    [
        ("https://id.gs1.org/00/106141412345678908", Link(("00", "106141412345678908"))),
        ("https://id.gs1.org/414/9506000134307/254/A1", Link(("414", "9506000134307"), (("254", "A1"),))),
        ("https://id.example.com/8003/040123450007718765", Link(("8003", "040123450007718765"))),
        ("https://example.com/253/4012345000054987", Link(("253", "4012345000054987"))),
        ("https://id.gs1.org/8004/4000001111", Link(("8004", "4000001111"))),
    ],
)
def test_other_keys(uri: str, link: Link) -> None:
    assert parse_link(uri) == link


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("", "code.empty", None),
        ("   ", "code.empty", None),
        ("https://example.cn/", "digital_link.no_key", None),
        ("https://example.cn/about/us", "digital_link.no_key", None),
        ("https://[bad/01/1", "digital_link.uri", None),
        ("https://example.cn/01/06901234567897", "gtin.check_digit", 14),
        ("https://example.cn/01/6901234567897", "gtin.check_digit", 13),
        (f"https://example.cn/01/{GTIN}/21/7/10/A", "digital_link.order", None),
        (f"https://example.cn/01/{GTIN}/10/A/10/B", "digital_link.order", None),
        (f"https://example.cn/01/{GTIN}/17/261231", "digital_link.qualifier", None),
        (f"https://example.cn/01/{GTIN}/10/%E6%89%B9", "lot.character", 1),
        (f"https://example.cn/01/{GTIN}/10/%FF", "digital_link.percent", None),
        (f"https://example.cn/01/{GTIN}/10/%2", "digital_link.percent", None),
        (f"https://example.cn/01/{GTIN}/10/{'A' * 21}", "lot.length", None),
        (f"https://example.cn/01/{GTIN}/10/A?10=B", "code.twice", None),
        (f"https://example.cn/01/{GTIN}?17=261341", "digital_link.value", None),
        ("https://example.cn/00/106141412345678908", "code.no_gtin", None),
        ("https://example.cn/253/4012345000055987", "digital_link.check_digit", 13),
        ("(10)A", "code.no_gtin", None),
        (f"(01){GTIN}(10)A(01)09506000134352", "code.twice", None),
        (f"(01){GTIN}(0999)A", "code.unknown_ai", 19),
        (f"01{GTIN}0910A", "code.unknown_ai", 17),
        (f"01{GTIN}10", "lot.length", None),
        ("6901234567892+A+1+2", "code.form", None),
        ("6901234567892+", "lot.length", None),
        (f"{GTIN}.", "lot.length", None),
        (f"{GTIN}.{'A' * 21}", "lot.length", None),
        (f"{GTIN}.A 7", "lot.character", 2),
        (f"{GTIN}.批1", "lot.character", 1),
        ("06901234567897.A", "gtin.check_digit", 14),
        ("6901234567892.A", "gtin.character", 14),
        ("烟台苹果", "gtin.character", 1),
        ("批号：A1", "code.no_gtin", None),
    ],
)
def test_broken_codes_say_why(text: str, code: str, position: int | None) -> None:
    with pytest.raises(IdentifierError) as caught:
        parse_any(text)
    assert (caught.value.code, caught.value.position) == (code, position)
    assert caught.value.zh
    assert caught.value.en


def test_other_schemes_are_refused() -> None:
    with pytest.raises(IdentifierError) as caught:
        parse(f"ftp://example.cn/01/{GTIN}")
    assert caught.value.code == "digital_link.scheme"


# The official examples hold a few keys whose check digit is wrong; they are told as such, never read as right.
WRONG_IN_THE_EXAMPLES = {
    "https://id.example.com/8003/030013450007718765": "digital_link.check_digit",
    "https://id.example.com/8003/039123450007718765": "digital_link.check_digit",
    "https://id.gs1.org/8003/030013450007718765": "digital_link.check_digit",
    "https://id.example.com/8003/952012200000001004": "digital_link.value",
    "https://id.gs1.org/414/9521141123452": "gln.check_digit",
}


def test_links_of_the_published_documents() -> None:
    folder = reference("vectors/epcis")
    found = {
        uri
        for path in folder.rglob("*.json*")
        for uri in re.findall(r'"(https?://[a-z.0-9]+/(?:0[01]|414|8\d{3}|25[35])/[^" ]+)"', path.read_text("utf-8"))
    }
    assert len(found) > 20
    wrong = {}
    for uri in found:
        try:
            parse_link(uri)
        except IdentifierError as error:
            wrong[uri] = error.code
    assert wrong == {uri: code for uri, code in WRONG_IN_THE_EXAMPLES.items() if uri in found}


@given(codes)
def test_uris_and_element_strings_round_trip(code: Code) -> None:
    assert parse(code.uri("https://trace.example.cn")) == code
    assert parse_any(code.path if not code.extras else code.uri()) == Code(
        code.gtin, code.lot, code.serial, code.extras
    )
    assert parse_any(code.element_string()) == code


@given(gtins, components)
def test_lot_ids_round_trip_unless_the_lot_looks_like_another_form(gtin: str, lot: str) -> None:
    text = f"{gtin}.{lot}"
    assume(not re.search(r"https?://|<GS>|<FNC1>", text, re.IGNORECASE))
    assert parse_any(text) == Code(gtin, lot)


@given(codes)
def test_scanned_symbols_round_trip(code: Code) -> None:
    link = code.link
    raw = "]C1" + "".join(f"{ai}{value}\x1d" for ai, value in (link.key, *link.qualifiers, *link.attributes))
    assert parse_any(raw) == code


@given(codes)
def test_agrees_with_biip(code: Code) -> None:
    from biip.gs1_digital_link_uris import GS1DigitalLinkURI

    found = {
        element.ai.ai: element.value
        for element in GS1DigitalLinkURI.parse(Code(code.gtin, code.lot).uri()).element_strings
    }
    assert found == {"01": code.gtin, **({"10": code.lot} if code.lot else {})}


fragments = st.sampled_from(
    [
        GTIN,
        *[
            "https://",
            "http://a.cn",
            "01",
            "10",
            "21",
            "00",
            "414",
            "235",
            "8006",
            "(01)",
            "(10)",
            "]C1",
            "%2",
            "<GS>",
            "批号：",
            "GTIN:",
        ],
        *" \x1d/()\\%?&=;+[]#A３🍎:",
    ]
)


@given(st.lists(fragments, max_size=12).map("".join) | st.text(max_size=60))
def test_any_text_parses_or_says_why(text: str) -> None:
    for read in (parse_any, parse, parse_link):
        try:
            found = read(text)
        except IdentifierError as error:
            explained(error)
        else:
            assert parse_link(found.uri()) == (found if isinstance(found, Link) else found.link)


def test_canonical_base() -> None:
    assert Code(GTIN).uri() == digital_link.CANONICAL + f"/01/{GTIN}"


@given(codes)
def test_paths_and_escapes_are_those_of_the_whole_link(code: Code) -> None:
    assert code.path == code.link.path
    assert code.uri() == code.link.uri()
    assert code.escaped_uri() == quote(code.link.uri(), safe="")


_plain = st.text("0123456789ABCXYZabcxyz", min_size=1, max_size=20)


@given(gtins, _plain, st.none() | _plain, st.booleans())
def test_the_usual_forms_are_read_like_all_others(gtin: str, lot: str, serial: str | None, path: bool) -> None:
    text = Code(gtin, lot, serial).path if path else "+".join(filter(None, (gtin, lot, serial)))
    assert digital_link._USUAL.fullmatch(text)
    assert parse_any(text) == digital_link._parse_any(text) == Code(gtin, lot, serial)


def test_a_wrong_check_digit_is_found_in_the_usual_forms() -> None:
    for text in ("/01/06901234567893/10/A1", "06901234567893+A1"):
        with pytest.raises(IdentifierError, match=r"gtin\.check_digit"):
            parse_any(text)
