"""Every string stands in both languages, and every string that a template names exists."""

import re
import string
from pathlib import Path

import pytest

from services.gateway.portal import texts
from services.gateway.portal.icons import ICONS
from services.gateway.portal.texts import TEXTS, Words
from services.gateway.portal.texts.prose import ACCESSIBILITY, METHODS

PORTAL = Path(texts.__file__).parents[1]
TEMPLATES = sorted((PORTAL / "templates").glob("*.html"))
CHINESE = re.compile(r"[\u4e00-\u9fff]")
MICROCOPY = {
    "verdict_safe": ("未发现问题", "No problem found"),
    "verdict_recalled": ("正在召回，请勿食用", "Recalled: do not eat"),
    "verdict_unknown": ("没有这个码的记录", "No record of this code"),
    "part_old": ("这一部分是 {age}前的", "This part is {age} old"),
    "no_record": ("没有公开的失信记录", "No public adverse record"),
    "listed_black": ("已列入黑榜，{day}期满", "Black-listed until {day}"),
    "fact_removed_repaired": ("已修复，不再公示", "Repaired, no longer shown"),
    "as_of_day": ("数据截至{day}", "Data as of {day}"),
}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", sorted(TEXTS))
def test_both_languages_say_the_same_thing(key: str) -> None:
    zh, en = TEXTS[key]
    assert fields(zh) == fields(en)
    assert not CHINESE.search(en.replace("中文", "")), "English text holds Chinese"
    assert zh.strip() != "" or key == "gap_word"


@pytest.mark.parametrize(("key", "pair"), MICROCOPY.items())
def test_the_wording_of_the_design_is_kept(key: str, pair: tuple[str, str]) -> None:
    assert TEXTS[key] == pair


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_names_only_what_exists(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    for key in re.findall(r"\bt\('(\w+)'\s*[,)]", source):
        assert key in TEXTS
    for stem in re.findall(r"\bt\('(\w+_)' ~", source):
        assert any(key.startswith(stem) for key in TEXTS)
    for name in re.findall(r"\bicon\('(\w+)'", source):
        assert name in ICONS
    outside = re.sub(r"{[{%#].*?[}%#]}", "", source, flags=re.S)
    assert not CHINESE.search(outside), "words belong in texts/"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_holds_no_style_script_or_handler(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=|\son[a-z]+=|<script|<style|javascript:|\|\s*safe", source)


def test_the_static_pages_stand_in_both_languages() -> None:
    for prose in (METHODS, ACCESSIBILITY):
        assert [len(b.paragraphs) + len(b.points) for b in prose["zh"][1]] == [
            len(b.paragraphs) + len(b.points) for b in prose["en"][1]
        ]


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        Words("zh")("no such text")


def test_every_claim_that_a_product_can_make_has_words() -> None:
    from services.traceability.masterdata.rules import CLAIMS

    assert {f"claim_{code}" for code in CLAIMS} == {key for key in TEXTS if key.startswith("claim_")}
