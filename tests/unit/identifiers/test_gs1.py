"""GTIN, GLN, SSCC, lots and serials."""

from collections.abc import Callable

import pytest
from biip.checksums import gs1_standard_check_digit
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from shared.identifiers import GLNStr, GTINStr, IdentifierError, LotStr, SerialStr, gs1


def explained(error: IdentifierError) -> None:
    assert error.zh
    assert error.en


components = st.text("".join(sorted(gs1.CHARSET_82)), min_size=1, max_size=20)


def keys(payload: int) -> st.SearchStrategy[str]:
    digits = st.text("0123456789", min_size=payload, max_size=payload)
    return digits.map(lambda text: text + gs1.check_digit(text))


@pytest.mark.parametrize(
    ("typed", "gtin"),
    [
        ("95012346", "00000095012346"),
        ("690123456789²", "06901234567892"),
        ("614141123452", "00614141123452"),
        ("9501101531000", "09501101531000"),
        ("6901234567892", "06901234567892"),
        ("690 1234 56789 2", "06901234567892"),
        ("６９０１２３４５６７８９２", "06901234567892"),
        ("09506000134352", "09506000134352"),
    ],
)
def test_every_length_becomes_fourteen_digits(typed: str, gtin: str) -> None:
    assert gs1.parse_gtin(typed) == gtin


def test_wrong_check_digit_names_place_and_right_digit() -> None:
    with pytest.raises(IdentifierError) as caught:
        gs1.parse_gtin("09506000134357")
    assert caught.value.zh == "GTIN 校验不符：第 14 位应为 2，您输入的是 7"
    assert (caught.value.code, caught.value.position, caught.value.expected) == ("gtin.check_digit", 14, "2")


@pytest.mark.parametrize(
    ("parse", "text", "code", "position"),
    [
        (gs1.parse_gtin, "", "gtin.length", None),
        (gs1.parse_gtin, "123456789", "gtin.length", None),
        (gs1.parse_gtin, "69012345O7892", "gtin.character", 9),
        (gs1.parse_gtin, "690123456789٢", "gtin.character", 13),
        (gs1.parse_gln, "6901234567890", "gln.check_digit", 13),
        (gs1.parse_gln, "06901234567892", "gln.length", None),
        (gs1.parse_sscc, "106141412345678909", "sscc.check_digit", 18),
        (gs1.parse_lot, "", "lot.length", None),
        (gs1.parse_lot, "A" * 21, "lot.length", None),
        (gs1.parse_lot, "批号1", "lot.character", 1),
        (gs1.parse_lot, "A B", "lot.character", 2),
        (gs1.parse_serial, "#1", "serial.character", 1),
    ],
)
def test_broken_keys(parse: Callable[[str], str], text: str, code: str, position: int | None) -> None:
    with pytest.raises(IdentifierError) as caught:
        parse(text)
    assert (caught.value.code, caught.value.position) == (code, position)


@given(st.text("0123456789", min_size=1, max_size=20))
def test_check_digit_agrees_with_biip(digits: str) -> None:
    assert gs1.check_digit(digits) == str(gs1_standard_check_digit(digits))


@given(keys(13) | keys(12) | keys(11) | keys(7))
def test_gtin_normal_form_is_stable(key: str) -> None:
    gtin = gs1.parse_gtin(key)
    assert len(gtin) == 14
    assert gs1.parse_gtin(gtin) == gtin


@given(keys(13), st.integers(0, 13), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(key: str, at: int, shift: int) -> None:
    wrong = key[:at] + str((int(key[at]) + shift) % 10) + key[at + 1 :]
    with pytest.raises(IdentifierError):
        gs1.parse_gtin(wrong)


@given(keys(13), components)
def test_lot_ids_round_trip(gtin: str, lot: str) -> None:
    assert gs1.split_lot_id(gs1.lot_id(gtin, lot)) == (gtin, lot)


@given(st.text(max_size=30))
def test_any_text_parses_or_says_why(text: str) -> None:
    for parse in (gs1.parse_gtin, gs1.parse_gln, gs1.parse_sscc, gs1.parse_lot, gs1.parse_serial, gs1.split_lot_id):
        try:
            parse(text)
        except IdentifierError as error:
            explained(error)


class Lot(BaseModel):
    gtin: GTINStr
    place: GLNStr
    lot: LotStr
    serial: SerialStr | None = None


def test_pydantic_types() -> None:
    made = Lot(gtin="6901234567892", place="9506000134307", lot="　L1 ", serial="7")
    assert (made.gtin, made.lot) == ("06901234567892", "L1")
    with pytest.raises(ValidationError) as caught:
        Lot(gtin="1", place="2", lot="批", serial="")
    assert [error["type"] for error in caught.value.errors()] == [
        "gtin.length",
        "gln.length",
        "lot.character",
        "serial.length",
    ]


def test_the_examples_of_the_schema_hold() -> None:
    properties = Lot.model_json_schema()["properties"]
    Lot(**{name: properties[name]["examples"][0] for name in ("gtin", "place", "lot")})
