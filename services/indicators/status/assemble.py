"""From stored figures of an area and the areas below it to one `Case`. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from services.indicators.areas.rules import Tree
from services.indicators.catalogue.targets import Rule
from services.indicators.counts.rules import SampledMonth
from services.indicators.observations.periods import Days, Period
from services.indicators.status.figures import Case, Figure

SUMMED_MEASURES = {"stock", "flow"}
ALL_COUNTIES = {"grade_every_area", "mean_over_areas"}


@dataclass(slots=True)
class Stored:
    """What is known of one target, by area."""

    figures: dict[str, list[Figure]] = field(default_factory=lambda: defaultdict(list))
    sampled: list[SampledMonth] = field(default_factory=list)


def case_of(rule: Rule, day: date, tree: Tree, stored: Stored, alternative: tuple[Rule, Stored] | None = None) -> Case:
    figures = figures_of(rule, day, tree, stored, tree.root)
    parts: dict[str, list[Figure]] = {}
    if rule.kind in ALL_COUNTIES:
        parts = {place.code: figures_of(rule, day, tree, stored, place.code) for place in tree.counties_on(day)}
    other: Sequence[Figure] = ()
    other_rule = None
    if alternative is not None:
        other_rule, other_stored = alternative
        other = figures_of(other_rule, day, tree, other_stored, tree.root)
    classes = [f for f in stored.figures.get(tree.root, ()) if f.category in rule.classes] if rule.classes else []
    return Case(
        rule=rule,
        day=day,
        figures=figures,
        parts=parts,
        expected=tree.counties_on(day) if rule.kind in ALL_COUNTIES else (),
        classes=classes,
        other=other,
        other_rule=other_rule,
    )


def figures_of(rule: Rule, day: date, tree: Tree, stored: Stored, area: str) -> list[Figure]:
    """Figures of an area, oldest first: what was reported for it; for other periods what its parts add up to; and its
    samples by calendar year, in the months that nobody reported. Rows of a breakdown never count.
    """
    own = [figure for figure in stored.figures.get(area, ()) if figure.category is None]
    found = list(own)
    if tree.sums:
        found += _summed(rule, day, tree, stored, area, own)
    if stored.sampled:
        found += _sampled_years(rule, day, tree, stored.sampled, area, found)
    return sorted(found, key=lambda f: (f.period.end, f.period.days))


def _summed(rule: Rule, day: date, tree: Tree, stored: Stored, area: str, own: Sequence[Figure]) -> Iterable[Figure]:
    parts = tree.children.get(area, ())
    by_period: dict[Period, dict[str, Figure]] = defaultdict(dict)
    reported = Stored(stored.figures)  # samples are counted once, at the top, by their own area
    taken = Days(figure.period for figure in own)
    for part in parts:
        for figure in figures_of(rule, day, tree, reported, part):
            if not taken.overlaps(figure.period):
                by_period[figure.period][part] = figure
    for period, found in by_period.items():
        # a county that ended within the period is not added to the one that took it over
        figures = {code: figure for code, figure in found.items() if not tree.successors(code) & found.keys()}
        due = tree.counties_on(period.end) if area == tree.root and not rule.sampled else ()
        missing = [place.name for place in due if place.code != area and place.code not in figures]
        total = _total(rule, area, period, list(figures.values()), tuple(missing))
        if total is not None:
            yield total


def _total(rule: Rule, area: str, period: Period, figures: Sequence[Figure], missing: tuple[str, ...]) -> Figure | None:
    """Sum n / sum passed, or the sum of counts. A rate without its counts, an index or a level is not summed."""
    total = Figure(area, period, summed=len(figures), missing=missing, source=_sources(figures))
    if all(figure.n and figure.passed is not None for figure in figures):
        return replace(total, n=sum(f.n or 0 for f in figures), passed=sum(f.passed or 0 for f in figures))
    values = [figure.value for figure in figures if figure.value is not None]
    if rule.measure in SUMMED_MEASURES and len(values) == len(figures):
        return replace(total, value=sum(values[1:], values[0]))
    return None


def _sources(figures: Iterable[Figure]) -> str | None:
    return "；".join(dict.fromkeys(figure.source for figure in figures if figure.source)) or None


def _sampled_years(
    rule: Rule, day: date, tree: Tree, months: Sequence[SampledMonth], area: str, reported: Sequence[Figure]
) -> Iterable[Figure]:
    inside = set(tree.below(area))
    years: dict[int, list[SampledMonth]] = defaultdict(list)
    taken = Days(figure.period for figure in reported)
    for month in months:
        if month.area in inside and not taken.overlaps(Period.month(month.year, month.month)):
            years[month.year].append(month)
    for year, found in years.items():
        whole = Period.year(year)
        end = whole.end if day >= whole.end else max(month.last for month in found)
        yield Figure(
            area,
            Period(whole.start, end),
            n=sum(month.n for month in found),
            passed=sum(month.passed for month in found),
            origin="events",
        )
