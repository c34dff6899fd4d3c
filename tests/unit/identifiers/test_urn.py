"""EPC URNs and their Digital Links."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.identifiers import IdentifierError, gs1, urn
from shared.identifiers.digital_link import parse_link
from tests.support.reference import reference

# Pairs as printed in the EPCIS and CBV 2.0 standards and in GS1's examples.
PAIRS = [
    ("urn:epc:id:sgtin:0614141.107346.2018", "https://id.gs1.org/01/10614141073464/21/2018"),
    ("urn:epc:idpat:sgtin:4012345.098765.*", "https://id.gs1.org/01/04012345987652"),
    ("urn:epc:class:lgtin:4012345.012345.998877", "https://id.gs1.org/01/04012345123456/10/998877"),
    ("urn:epc:id:sscc:0614141.1234567890", "https://id.gs1.org/00/106141412345678908"),
    ("urn:epc:id:sgln:4012345.00005.0", "https://id.gs1.org/414/4012345000054"),
    ("urn:epc:id:sgln:0614141.00777.Dock%2F3", "https://id.gs1.org/414/0614141007776/254/Dock%2F3"),
    ("urn:epc:id:pgln:4012345.00005", "https://id.gs1.org/417/4012345000054"),
    ("urn:epc:id:grai:4012345.00077.8765", "https://id.gs1.org/8003/040123450007718765"),
    ("urn:epc:id:giai:4000001.111", "https://id.gs1.org/8004/4000001111"),
    ("urn:epc:id:gdti:4012345.00005.987", "https://id.gs1.org/253/4012345000054987"),
]


@pytest.mark.parametrize(("epc", "uri"), PAIRS)
def test_both_ways(epc: str, uri: str) -> None:
    assert urn.as_digital_link(epc) == uri
    prefix = epc.split(":")[4].split(".")[0]
    assert urn.as_urn(uri, company_prefix_length=len(prefix)) == epc


def test_prefix_length_is_found_for_known_prefixes() -> None:
    assert urn.as_urn("https://id.gs1.org/01/04012345123456/10/998877") == "urn:epc:class:lgtin:4012345.012345.998877"
    assert urn.as_urn("https://trace.example.cn/01/06901234567892/21/7") == "urn:epc:id:sgtin:6901234.056789.7"


@pytest.mark.parametrize(
    "kept",
    [
        "urn:epc:id:adi:35962.PQ7VZ4.M37GXB92",
        "urn:epc:idpat:sgtin:4012345.*.*",
        "urn:epc:id:sgtin:4012345.98765.1",
        "urn:epc:id:sgtin:4012345",
        "urn:epc:id:sgtin:4012345.098765.%GG",
        "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
        "http://example.com/obj/1",
        "https://id.gs1.org/01/04012345987652/10/A/21/7",
        "https://id.gs1.org/01/04012345987652?17=261231",
        "烟台",
        "",
    ],
)
def test_what_cannot_be_converted_is_kept(kept: str) -> None:
    assert urn.as_digital_link(kept) == kept
    assert urn.as_urn(kept) == kept


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("urn:epc:tag:sgtin-96:3.1.2.3", "urn.form"),
        ("urn:epc:id:usdod:2S194.12345", "urn.scheme"),
        ("urn:epc:class:sgtin:0614141.107346.2018", "urn.scheme"),
        ("urn:epc:id:sgtin:0614141.107346", "urn.components"),
        ("urn:epc:id:sgtin:061414.107346.1", "urn.components"),
        ("urn:epc:id:sgtin:06141.10734612.1", "urn.company_prefix"),
        ("urn:epc:id:sgtin:0614141.107346.", "urn.components"),
        ("urn:epc:id:sgtin:0614141.107346.批", "serial.character"),
    ],
)
def test_broken_urns_say_why(text: str, code: str) -> None:
    with pytest.raises(IdentifierError) as caught:
        urn.to_link(text)
    assert caught.value.code == code


def test_every_urn_of_the_published_documents_round_trips() -> None:
    folder = reference("vectors/epcis/gs1/JSON")
    found = {
        epc
        for path in folder.rglob("*.jsonld")
        for epc in re.findall(r'"(urn:epc:(?:id|class|idpat):[^"]+)"', path.read_text(encoding="utf-8"))
    }
    assert len(found) > 30
    for epc in found:
        link = urn.to_link(epc)
        assert parse_link(link.uri()) == link
        assert urn.to_urn(link, company_prefix_length=len(epc.split(":")[4].split(".")[0])) == epc


components = st.text("".join(sorted(gs1.CHARSET_82)), min_size=1, max_size=20)


@given(
    st.text("0123456789", min_size=13, max_size=13), st.integers(6, 12), components, st.sampled_from(["sgtin", "lgtin"])
)
def test_gtins_round_trip(digits: str, length: int, serial: str, scheme: str) -> None:
    link = parse_link(f"/01/{digits}{gs1.check_digit(digits)}")
    link = type(link)(link.key, (("21" if scheme == "sgtin" else "10", serial),))
    epc = urn.to_urn(link, company_prefix_length=length)
    assert f":{scheme}:" in epc
    assert urn.to_link(epc) == link


fragments = st.sampled_from(
    [
        "urn:epc:",
        "id:",
        "class:",
        "idpat:",
        "sgtin:",
        "lgtin:",
        "giai:",
        "itip:",
        "cpi:",
        "0614141",
        ".",
        "107346",
        "*",
        "%",
        "2F",
        "1",
        "https://id.gs1.org/",
        "01/",
        "8004/",
        "06901234567892",
        "/10/",
        "A",
        "批",
        "?17=1",
    ]
)


@given(st.lists(fragments, max_size=10).map("".join) | st.text(max_size=40))
def test_any_text_is_converted_or_kept(text: str) -> None:
    link = urn.as_digital_link(text)
    assert link == text or urn.as_digital_link(link) == link
    epc = urn.as_urn(text)
    assert epc == text or urn.is_urn(epc)
