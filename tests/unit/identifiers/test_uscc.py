"""Unified social credit codes: check digits, deviations of real life, and words that tell what is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from shared.identifiers import IdentifierError, USCCStr, uscc
from shared.identifiers.uscc import ALPHABET

# Published codes of well-known bodies: python-stdnum's example, and the example of GB 32100-2015 on Wikipedia.
REAL = ["91110000600037341L", "91350100M000100Y43"]


def made(authority: str, area: str, organisation8: str) -> str:
    first16 = authority + area + organisation8
    first17 = first16 + uscc.organisation_check_character(organisation8)
    return first17 + uscc.check_character(first17)


def explained(error: IdentifierError) -> None:
    assert error.zh
    assert error.en


codes = st.builds(
    made,
    st.tuples(st.sampled_from("123456789ANY"), st.sampled_from("1239")).map("".join),
    st.text("0123456789", min_size=6, max_size=6),
    st.text(ALPHABET, min_size=8, max_size=8),
)


@pytest.mark.parametrize("code", REAL)
def test_published_codes_hold(code: str) -> None:
    assert uscc.parse(code).code == code
    assert not uscc.parse(code).nonconforming


def test_parts() -> None:
    parsed = uscc.parse("91110000600037341L")
    assert (parsed.registration_authority, parsed.category) == ("9", "91")
    assert (parsed.area_code, parsed.organisation) == ("110000", "600037341")
    assert uscc.AUTHORITIES[parsed.registration_authority].zh == "工商（市场监督管理）"
    assert uscc.CATEGORIES[parsed.category].zh == "企业"


def test_agrees_with_python_stdnum_on_digit_leading_codes() -> None:
    from stdnum.cn import uscc as stdnum

    for code in REAL:
        assert stdnum.calc_check_digit(code[:17]) == uscc.check_character(code[:17])


@pytest.mark.parametrize("authority", ["A1", "N2", "Y1"])
def test_letter_leading_codes_are_legal(authority: str) -> None:
    code = made(authority, "370600", "MA3C0000")
    assert uscc.parse(code).category == authority


@pytest.mark.parametrize(
    "typed",
    [
        "９１１１００００６０００３７３４１Ｌ",
        " 91110000600037341l ",
        "9111 0000 6000 3734 1L",
        "91110000-600037341-L",
        "91110000—600037341—L",
        "\ufeff91110000600037341L\u200b",
    ],
)
def test_what_people_type_is_normalised(typed: str) -> None:
    assert uscc.parse(typed).code == "91110000600037341L"


def test_wrong_last_character_names_the_right_one() -> None:
    with pytest.raises(IdentifierError) as caught:
        uscc.parse("91110000600037341K")
    error = caught.value
    assert (error.code, error.position, error.expected) == ("uscc.check_digit", 18, "L")
    assert "第 18 位校验不符，应为 L" in error.zh
    assert "should be L" in error.en


def test_wrong_organisation_check_digit_is_told_apart() -> None:
    first17 = "91110000600037342"
    with pytest.raises(IdentifierError) as caught:
        uscc.parse(first17 + uscc.check_character(first17))
    assert (caught.value.code, caught.value.position, caught.value.expected) == (
        "uscc.organisation_check_digit",
        17,
        "1",
    )


@pytest.mark.parametrize(
    ("text", "code", "position", "expected"),
    [
        ("", "uscc.length", None, None),
        ("9111000060003734", "uscc.length", None, None),
        ("91110000600037341LL", "uscc.length", None, None),
        ("9111000O600037341L", "uscc.character", 8, "0"),
        ("91110000600037341I", "uscc.character", 18, "1"),
        ("91110000600037341烟", "uscc.character", 18, None),
        ("91X10000600037341L", "uscc.area", 3, None),
    ],
)
def test_broken_codes(text: str, code: str, position: int | None, expected: str | None) -> None:
    with pytest.raises(IdentifierError) as caught:
        uscc.parse(text)
    assert (caught.value.code, caught.value.position, caught.value.expected) == (code, position, expected)


def test_nonconforming_needs_the_word_of_the_caller_and_is_marked() -> None:
    early = "91350100M000100Y4A"
    with pytest.raises(IdentifierError):
        uscc.parse(early)
    parsed = uscc.parse(early, nonconforming_ok=True)
    assert (parsed.code, parsed.nonconforming) == (early, True)
    with pytest.raises(IdentifierError):
        uscc.parse(early[:-1], nonconforming_ok=True)


@given(codes)
def test_made_codes_round_trip(code: str) -> None:
    parsed = uscc.parse(code)
    assert str(parsed) == code
    assert parsed.category + parsed.area_code + parsed.organisation + code[17] == code


@given(codes, st.integers(8, 17), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_always_noticed(code: str, at: int, char: str) -> None:
    if code[at] == char:
        return
    with pytest.raises(IdentifierError):
        uscc.parse(code[:at] + char + code[at + 1 :])


@given(st.text(max_size=24) | st.text(ALPHABET + "ISOVZ", min_size=17, max_size=19))
def test_any_text_parses_or_says_why(text: str) -> None:
    try:
        parsed = uscc.parse(text)
    except IdentifierError as error:
        explained(error)
    else:
        assert uscc.parse(parsed.code) == parsed


class Form(BaseModel):
    uscc: USCCStr
    other: USCCStr


def test_pydantic_type_normalises() -> None:
    form = Form(uscc="９１１１００００６０００３７３４１Ｌ", other="91350100m000100y43")
    assert (form.uscc, form.other) == ("91110000600037341L", "91350100M000100Y43")


def test_pydantic_type_reports_all_places_with_both_languages() -> None:
    with pytest.raises(ValidationError) as caught:
        Form(uscc="91110000600037341K", other="{0} 1")
    errors = caught.value.errors()
    assert [(error["loc"], error["type"]) for error in errors] == [
        (("uscc",), "uscc.check_digit"),
        (("other",), "uscc.length"),
    ]
    assert "应为 L" in errors[0]["ctx"]["zh"]
    assert "should be L" in errors[0]["ctx"]["en"]


def test_the_example_of_the_schema_holds() -> None:
    example = Form.model_json_schema()["properties"]["uscc"]["examples"][0]
    assert uscc.parse(example).code == example
