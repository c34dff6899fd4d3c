"""Figures of an area from its own, its parts and its samples; sentences with their numbers."""

import sqlite3
from collections import defaultdict
from datetime import date
from fractions import Fraction

from sqlalchemy import column

from services.indicators.areas.rules import Tree
from services.indicators.areas.scope import covers
from services.indicators.areas.service import lineage, tree_of
from services.indicators.counts.rules import SampledMonth
from services.indicators.status.assemble import Stored, case_of, figures_of
from services.indicators.status.figures import Figure
from services.indicators.status.ranking import rank, small_n
from services.indicators.status.rules import evaluate
from services.indicators.status.wording import amount
from tests.indicators.figures import batch, figure, rule

INDUSTRIAL = rule("industrial_provincial_sampling_pass_rate")
DAY = date(2026, 11, 24)
BAZHONG = {
    "511902": (127, 117),
    "511903": (85, 76),
    "511900/经开区": (18, 16),
    "511922": (132, 117),
    "511923": (99, 86),
    "511921": (94, 85),
}


def stored(**areas: list[Figure]) -> Stored:
    return Stored(defaultdict(list, areas))


def bazhong_tree() -> Tree:
    return tree_of("511900", [(key, "511900" if "/" in key else None) for key in BAZHONG])


def bazhong() -> Stored:
    return stored(**{key: [batch("2024", passed, n, area=key)] for key, (n, passed) in BAZHONG.items()})


def test_rates_are_pooled_and_never_averaged() -> None:
    (pooled,) = figures_of(INDUSTRIAL, DAY, bazhong_tree(), bazhong(), "511900")
    assert (pooled.n, pooled.passed, pooled.summed) == (555, 497, 6)
    assert pooled.number is not None
    assert amount(INDUSTRIAL, pooled.number).zh == "89.55%"
    mean = sum(Fraction(passed * 100, n) for n, passed in BAZHONG.values()) / 6
    assert amount(INDUSTRIAL, mean).zh == "89.39%"


def test_the_areas_own_figure_is_not_added_to_its_parts() -> None:
    known = bazhong()
    known.figures["511900"] = [batch("2024", 497, 555, area="511900")]
    (own,) = figures_of(INDUSTRIAL, DAY, bazhong_tree(), known, "511900")
    assert (own.n, own.summed) == (555, 0)


def test_rows_of_a_breakdown_never_count() -> None:
    known = stored(
        **{
            "511900": [
                batch("2024", 320, 353, breakdown="城乡", category="城区"),
                batch("2024", 177, 202, breakdown="城乡", category="乡镇"),
            ]
        }
    )
    assert figures_of(INDUSTRIAL, DAY, bazhong_tree(), known, "511900") == []
    known.figures["511900"].append(batch("2024", 497, 555))
    (only,) = figures_of(INDUSTRIAL, DAY, bazhong_tree(), known, "511900")
    assert only.n == 555


def test_nothing_is_added_up_above_the_city() -> None:
    tree = tree_of("100000", [("140200", None), ("511900", None)])
    known = stored(**{"140200": [batch("2021", 16_294, 16_641)]})
    assert figures_of(INDUSTRIAL, DAY, tree, known, "100000") == []
    wanted = {"100000": ["100000"], "370600": ["370600", "370602", "370602001", "yt-changdao"]}
    for root, found in wanted.items():
        with sqlite3.connect(":memory:") as rows:
            rows.execute("CREATE TABLE figure (area_code TEXT)")
            everywhere = ["100000", "370000", "370600", "370602", "370602001", "yt-changdao", "370700", "371600"]
            rows.executemany("INSERT INTO figure VALUES (?)", [(code,) for code in everywhere])
            condition = covers(column("area_code"), root).compile(compile_kwargs={"literal_binds": True})
            assert [code for (code,) in rows.execute(f"SELECT area_code FROM figure WHERE {condition}")] == found
    assert lineage("511902") == ["511902", "511900"]
    assert lineage("370602001") == ["370602001", "370602", "370600"]
    assert lineage("100000") == ["100000"]


def test_a_sum_names_the_counties_that_are_missing() -> None:
    tree = tree_of("370600", [("370602", None), ("370611", None)])
    trademarks = rule("madrid_trademarks")
    known = stored(**{"370602": [figure("2019", value=40)], "370611": [figure("2019", value=30)]})
    (total,) = figures_of(trademarks, DAY, tree, known, "370600")
    assert total.value == 70
    assert "牟平区" in total.missing
    assert "长岛县" in total.missing  # it was a county in 2019
    assert "蓬莱区" not in total.missing  # it was not yet
    case = case_of(trademarks, DAY, tree, known)
    assert evaluate(case).light == "cannot_tell"


def test_an_area_that_ended_is_not_added_to_its_successor() -> None:
    tree = tree_of("370600", [("370684", None), ("370614", None)])
    known = stored(**{"370684": [figure("2020", value=40)], "370614": [figure("2020", value=55)]})
    (total,) = figures_of(rule("madrid_trademarks"), DAY, tree, known, "370600")
    assert total.value == 55


def test_indices_and_bare_rates_are_not_summed() -> None:
    tree = tree_of("370600", [("370602", None), ("370611", None)])
    rates = stored(**{"370602": [figure("2020", value=80)], "370611": [figure("2020", value=90)]})
    assert figures_of(rule("mfg_quality_competitiveness_index"), DAY, tree, rates, "370600") == []
    assert figures_of(rule("livestock_standardized_scale_share"), DAY, tree, rates, "370600") == []


def test_samples_are_counted_by_year_in_the_months_that_nobody_reported() -> None:
    tree = tree_of("370600", [("370602", None), ("370602001", None), ("370611", None)])
    known = stored(**{"370600": [batch("2026Q1", 300, 300)]})
    known.sampled = [
        SampledMonth("370602", 2026, 2, 10, 9, date(2026, 2, 20)),  # within the reported quarter
        SampledMonth("370602", 2026, 5, 4, 4, date(2026, 5, 9)),
        SampledMonth("370602001", 2026, 6, 3, 2, date(2026, 6, 30)),
        SampledMonth("370611", 2025, 6, 5, 5, date(2025, 6, 1)),
        SampledMonth("511902", 2026, 6, 50, 1, date(2026, 6, 1)),  # not of this city
    ]
    found = figures_of(rule("agri_sampling_pass_rate"), DAY, tree, known, "370600")
    assert [(f.period.label, f.n, f.passed, f.origin) for f in found] == [
        ("2025", 5, 5, "events"),
        ("2026Q1", 300, 300, "reported"),
        ("2026-01-01/2026-06-30", 7, 6, "events"),
    ]
    county = figures_of(rule("agri_sampling_pass_rate"), DAY, tree, known, "370602")
    assert [(f.n, f.passed) for f in county] == [(17, 15)]


def test_small_samples_are_not_ranked_and_chance_gives_no_rank() -> None:
    tree, known = bazhong_tree(), bazhong()
    parts = {part: figures_of(INDUSTRIAL, DAY, tree, known, part) for part in tree.children["511900"]}
    result = rank(parts, small_n(DAY).min_n)
    assert result.pooled == (555, 497)
    assert [area for area, _ in result.not_ranked] == ["511900/经开区"]
    assert {place for place, _, _ in result.ranked} == {1}  # all intervals overlap
    assert result.ranked[0][1] == "511902"
    apart = {"a": [batch("2024", 1000, 1000)], "b": [batch("2024", 500, 1000)], "c": [batch("2024", 990, 1000)]}
    assert [(place, area) for place, area, _ in rank(apart, 30).ranked] == [(1, "a"), (2, "c"), (3, "b")]
    assert rank({}, 30).period is None
