"""Comparators of counts, rates, levels and growth, with their edges. Words are looked at where they decide."""

import pytest

from tests.indicators.figures import batch, decide, figure, values

# --- at_least -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("passed", "n", "light"),
    [
        (16, 18, "cannot_tell"),  # 65.29-98.62: 18 samples accuse nobody
        (497, 555, "off_track"),  # 86.70-91.97
        (1000, 1000, "met"),
        (90, 90, "cannot_tell"),  # 91 without a failure show 96 %
        (91, 91, "met"),
    ],
)
def test_a_sampled_rate_is_decided_by_its_interval(passed: int, n: int, light: str) -> None:
    outcome = decide("industrial_provincial_sampling_pass_rate", [batch("2020", passed, n)])
    assert outcome.light == light


def test_a_light_that_cannot_tell_says_how_many_samples_would() -> None:
    small = decide("industrial_provincial_sampling_pass_rate", [batch("2020", 16, 18)])
    assert small.settle_n == 91
    assert "91批" in small.zh
    large = decide("industrial_provincial_sampling_pass_rate", [batch("2020", 475, 500)])
    assert large.light == "cannot_tell"
    assert large.settle_n is not None
    assert large.settle_n > 500


def test_a_sampled_rate_without_its_counts_has_no_interval() -> None:
    outcome = decide("industrial_provincial_sampling_pass_rate", values(y2020=97.5))
    assert outcome.light == "cannot_tell"
    assert "没有批次数" in outcome.zh


@pytest.mark.parametrize(("value", "light"), [(150, "met"), (151, "met"), (149, "off_track")])
def test_a_stock_at_its_deadline(value: int, light: str) -> None:
    assert decide("madrid_trademarks", values(y2020=value), "2021-01-01").light == light


def test_a_stock_before_its_deadline_is_judged_by_its_pace() -> None:
    assert decide("madrid_trademarks", values(y2018=100), "2019-06-01").light == "cannot_tell"
    assert decide("madrid_trademarks", values(y2018=100, y2019=126), "2020-06-01").light == "on_track"
    assert decide("madrid_trademarks", values(y2018=100, y2019=110), "2020-06-01").light == "at_risk"
    assert decide("madrid_trademarks", values(y2018=100, y2019=100), "2020-06-01").light == "off_track"
    assert decide("madrid_trademarks", values(y2018=100, y2019=90), "2020-06-01").light == "off_track"


def test_after_the_deadline_an_old_figure_decides_nothing() -> None:
    outcome = decide("madrid_trademarks", values(y2018=100), "2026-11-24")
    assert outcome.light == "cannot_tell"
    assert "2018年12月31日" in outcome.zh


def test_a_flow_adds_up_from_the_plans_start() -> None:
    assert decide("new_crop_varieties", values(y2017=20, y2018=5, y2019=4, y2020=3)).light == "met"
    short = decide("new_crop_varieties", values(y2017=20, y2018=5, y2019=4, y2020=2), "2021-02-01")
    assert short.light == "off_track"
    assert short.number == 11
    twice = [*values(y2018=5, y2019=4, y2020=2), figure("2020Q1", value=2)]
    assert decide("new_crop_varieties", twice, "2021-02-01").number == 11


def test_without_a_deadline_falling_short_is_not_late() -> None:
    outcome = decide("mfg_innovation_centers", values(y2020=9))
    assert outcome.light == "cannot_tell"
    assert "没有写期限" in outcome.zh
    assert decide("mfg_innovation_centers", values(y2020=10)).light == "met"


def test_a_standing_standard_is_off_track_at_once() -> None:
    assert decide("elderly_land_per_capita", values(y2019=0.19)).light == "off_track"
    assert decide("elderly_land_per_capita", values(y2019=0.2)).light == "met"


def test_two_readings_of_one_clause_must_agree() -> None:
    assert decide("excellence_incubation_bases", values(y2020=30)).light == "met"
    between = decide("excellence_incubation_bases", values(y2020=12))
    assert between.light == "cannot_tell"
    assert "三个领域" in between.zh
    assert decide("excellence_incubation_bases", values(y2020=12), decision={"goal": "10"}).light == "met"
    assert decide("clusters_over_50bn", values(y2020=8), "2021-01-01").light == "off_track"
    assert decide("clusters_over_50bn", values(y2020=9)).light == "cannot_tell"
    assert decide("clusters_over_50bn", values(y2020=14)).light == "met"


def test_an_open_question_keeps_a_figure_from_meeting_its_goal() -> None:
    assert decide("prov_agri_standard_bases", values(y2020=100)).light == "cannot_tell"
    assert decide("prov_agri_standard_bases", values(y2020=100), decision={"reading": "stock"}).light == "met"
    assert decide("prov_agri_standard_bases", values(y2020=60), "2021-01-01").light == "off_track"


def test_a_sum_with_areas_missing_can_only_say_met() -> None:
    part = figure("2020", value=40, summed=2, missing=("牟平区",))
    assert decide("madrid_trademarks", [part]).light == "cannot_tell"
    assert decide("madrid_trademarks", [figure("2020", value=160, summed=2, missing=("牟平区",))]).light == "met"


# --- rates --------------------------------------------------------------------------------------------------------


def test_one_dip_is_a_breach_even_if_the_end_is_met() -> None:
    figures = [batch("2018Q3", 33_660, 34_699), batch("2019", 5000, 5000), batch("2020", 5000, 5000)]
    outcome = decide("agri_sampling_pass_rate", figures)
    assert outcome.light == "breached"
    assert outcome.figure is figures[0]
    assert "2018年三季度" in outcome.zh
    assert decide("agri_sampling_pass_rate", figures[1:]).light == "met"


def test_holding_needs_every_period_to_be_wholly_below_before_it_accuses() -> None:
    assert decide("agri_sampling_pass_rate", [batch("2020", 16, 18)]).light == "cannot_tell"
    assert decide("agri_sampling_pass_rate", [batch("2020", 182, 182)]).light == "cannot_tell"
    assert decide("agri_sampling_pass_rate", [batch("2020", 183, 183)]).light == "met"
    uncertain = decide("agri_sampling_pass_rate", [batch("2019", 16, 18), batch("2020", 500, 500)])
    assert uncertain.light == "met"
    assert "1期尚难判断" in uncertain.zh


def test_periods_before_the_plan_do_not_breach_it() -> None:
    assert decide("agri_sampling_pass_rate", [batch("2016", 900, 1000)]).light == "no_data"
    assert decide("agri_sampling_pass_rate", values(y2020=99)).light == "cannot_tell"


def test_about_cannot_tell_while_no_tolerance_is_on_record() -> None:
    for passed in (9_900, 9_800, 9_000):
        outcome = decide("food_sampling_pass_rate", [batch("2020", passed, 10_000)])
        assert outcome.light == "cannot_tell"
        assert "容差" in outcome.zh
        assert outcome.figure is not None


def test_about_with_a_decision() -> None:
    band = {"below": "1", "above": "1", "decided_on": "2026-12-01", "by": "a meeting", "document": "No. 1"}
    floor = band | {"above": None}
    assert decide("food_sampling_pass_rate", [batch("2020", 98_000, 100_000)], decision=band).light == "met"
    assert decide("food_sampling_pass_rate", [batch("2020", 99_900, 100_000)], decision=band).light == "off_track"
    assert decide("food_sampling_pass_rate", [batch("2020", 99_900, 100_000)], decision=floor).light == "met"
    assert decide("food_sampling_pass_rate", [batch("2020", 96_000, 100_000)], decision=floor).light == "off_track"
    assert decide("food_sampling_pass_rate", [batch("2020", 97, 100)], decision=band).light == "cannot_tell"
    assert decide("food_sampling_pass_rate", [batch("2020", 990, 1000)], decision=band).light == "cannot_tell"
    assert decide("food_sampling_pass_rate", values(y2020=98), decision=band).light == "cannot_tell"


def test_full_coverage_is_exactly_all() -> None:
    almost = decide("construction_first_acceptance_pass_rate", [batch("2020", 9_999, 10_000)], "2021-01-01")
    assert almost.light == "off_track"
    assert decide("construction_first_acceptance_pass_rate", [batch("2020", 10_000, 10_000)]).light == "met"
    assert decide("construction_first_acceptance_pass_rate", values(y2020="99.96"), "2021-01-01").light == "off_track"
    assert decide("construction_first_acceptance_pass_rate", values(y2020=100)).light == "met"
    pace = values(y2018="98", y2019="99.5")
    assert decide("construction_first_acceptance_pass_rate", pace, "2020-06-01").light == "on_track"
    partly = figure("2020", n=10, passed=10, summed=2, missing=("牟平区",))
    assert decide("construction_first_acceptance_pass_rate", [partly]).light == "cannot_tell"


# --- levels and growth --------------------------------------------------------------------------------------------


def test_at_most() -> None:
    assert decide("gov_service_max_one_trip", values(y2020=1)).light == "met"
    assert decide("gov_service_max_one_trip", values(y2020=2)).light == "off_track"


def test_fifteen_minutes_cannot_be_told_while_nobody_says_how_they_are_counted() -> None:
    outcome = decide("circle_medical_15min", values(y2020=12))
    assert outcome.light == "cannot_tell"
    assert "步行" in outcome.zh
    assert decide("circle_medical_15min", values(y2020=12), decision={"mode": "walking"}).light == "met"
    assert decide("circle_medical_15min", []).light == "no_data"


def test_equals_zero() -> None:
    assert decide("mandatory_verification_free", values(y2020=0)).light == "met"
    assert decide("mandatory_verification_free", values(y2020="0.01")).light == "off_track"
    assert decide("oversized_classes", values(y2020=3)).light == "cannot_tell"  # no deadline
    assert decide("oversized_classes", values(y2020=0)).light == "cannot_tell"  # no class size
    assert decide("oversized_classes", values(y2020=0), decision={"pupils": 56}).light == "met"


def test_zero_growth_holds_only_if_every_base_year_says_so() -> None:
    assert decide("fertilizer_zero_growth", values(y2018=-1, y2019=-2, y2020=0)).light == "met"
    assert decide("fertilizer_zero_growth", values(y2018=1, y2019=2, y2020=3)).light == "off_track"
    mixed = decide("fertilizer_zero_growth", values(y2018=5, y2019=-1, y2020=-1))
    assert mixed.light == "cannot_tell"
    assert "基期" in mixed.zh
    assert decide("fertilizer_zero_growth", [figure("2020Q1", value=-1)]).light == "no_data"


def test_zero_growth_with_the_base_year_decided() -> None:
    series = values(y2018=5, y2019=-1, y2020=-1)
    assert decide("fertilizer_zero_growth", series, decision={"year": 2018}).light == "met"
    assert decide("fertilizer_zero_growth", series, decision={"year": 2017}).light == "off_track"
    assert decide("fertilizer_zero_growth", series, decision={"year": 2015}).light == "cannot_tell"


def test_a_gap_in_the_years_ends_the_chain_of_growth() -> None:
    assert decide("fertilizer_zero_growth", values(y2017=50, y2019=-1, y2020=-1)).light == "met"


def test_more_than_is_strict() -> None:
    assert decide("new_rd_tech_transfer_orgs", values(y2020=41)).light == "met"
    exactly = decide("new_rd_tech_transfer_orgs", values(y2020=40), "2021-01-01")
    assert exactly.light == "off_track"
    assert "正好40家" in exactly.zh


def test_a_breakthrough_is_from_none_to_one() -> None:
    assert decide("china_quality_award", values(y2020=1)).light == "met"
    assert decide("china_quality_award", values(y2020=0), "2021-01-01").light == "off_track"
    assert decide("china_quality_award", values(y2016=1, y2020=1)).light == "cannot_tell"
    assert decide("china_quality_award", values(y2016=0, y2020=1)).light == "met"


def test_every_year_two_or_three() -> None:
    name = "free_quality_trainings_per_year"
    assert decide(name, values(y2019=2), "2020-03-01").light == "met"
    assert decide(name, values(y2019=1), "2020-03-01").light == "breached"
    assert decide(name, [figure("2020Q1", value=1)], "2020-05-01").light == "not_due"
    assert decide(name, [figure("2020Q1", value=1), figure("2020Q2", value=1)], "2020-08-01").light == "met"
    assert decide(name, [figure("2019Q1", value=1)], "2020-05-01").light == "cannot_tell"
    assert decide(name, values(y2016=2), "2020-05-01").light == "no_data"
    more = decide(name, values(y2020=4))
    assert more.light == "met"
    assert "上限" in more.zh
    assert decide(name, [], "2018-11-01").light == "not_due"
    assert decide(name, [], "2020-11-01").light == "no_data"


def test_a_year_is_not_counted_twice() -> None:
    both = [figure("2019", value=1), figure("2019Q1", value=1)]
    assert decide("free_quality_trainings_per_year", both, "2020-03-01").light == "breached"


def test_a_range_says_nothing_about_more() -> None:
    assert decide("national_testing_platforms", values(y2020=1)).light == "met"
    assert decide("national_testing_platforms", values(y2020=2)).light == "met"
    assert decide("national_testing_platforms", values(y2020=0)).light == "cannot_tell"  # no deadline
    above = decide("national_testing_platforms", values(y2020=3))
    assert above.light == "cannot_tell"
    assert "上限" in above.zh
