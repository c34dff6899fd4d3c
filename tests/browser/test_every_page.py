"""What holds for every page, in both languages: the acceptance walk of the design, item by item."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from services.gateway.portal.rendering import CSP
from tests.browser.conftest import Visit, Visitor
from tests.browser.pages import APART, BOTH, IDS, Place, name

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
FORBIDDEN = ("risk_class", "risk class", "风险等级", "举报人", "身份证", "reporter")

READ = """() => {
  const all = selector => [...document.querySelectorAll(selector)];
  const shown = node => node.checkVisibility({visibilityProperty: true});
  const ids = all('[id]').map(node => node.id);
  return {
    lang: document.documentElement.lang,
    title: document.title,
    styled: all('[style]').length,
    handlers: all('*').filter(n => [...n.attributes].some(a => a.name.startsWith('on'))).length,
    scripts: document.scripts.length,
    styles: all('style').length,
    headings: all('h1,h2,h3,h4,h5,h6').map(h => Number(h.tagName[1])),
    doubled: ids.filter((id, i) => ids.indexOf(id) !== i),
    main: all('main').length,
    banner: all('body > header').length,
    footer: all('body > footer').length,
    navs: all('nav').filter(shown).map(n => n.getAttribute('aria-label')),
    unnamed: all('section').filter(s => !document.getElementById(s.getAttribute('aria-labelledby'))).length,
    status: all('[role=status]').length,
    unlabelled: all('input:not([type=hidden]),select').filter(f => !f.labels.length).length,
    switcher: document.querySelector('.tools a[hreflang]').getAttribute('href'),
    missing: all('use').filter(u => !document.querySelector(u.getAttribute('href'))).length,
    dangling: all('a[href^="#"]').filter(a => !document.getElementById(a.hash.slice(1))).length,
    hotline: document.querySelector('footer').innerText.includes('12345'),
    text: document.body.innerText,
    figures: all('.fig').map(f => f.closest('article, .answer').innerText),
  };
}"""

seen_titles: dict[str, str] = {}


@pytest.mark.parametrize(("place", "path", "lang"), BOTH, ids=IDS)
async def test_the_walk(visitor: Visitor, place: Place, path: str, lang: str) -> None:
    visit = await visitor.open(path, lang=lang)
    page: dict[str, Any] = await visit.page.evaluate(READ)
    origin = visitor.site.base

    assert visit.response.status == place.status
    assert [url for url in visit.requests if not url.startswith(origin)] == []
    assert visit.response.headers["content-security-policy"] == CSP
    if place.status == 200:
        assert visit.console == []
    assert (page["styled"], page["handlers"], page["scripts"], page["styles"]) == (0, 0, 0, 0)

    assert page["headings"].count(1) == 1
    assert page["headings"][0] == 1
    steps = zip(page["headings"], page["headings"][1:], strict=False)
    assert all(after <= before + 1 for before, after in steps), page["headings"]
    assert (page["main"], page["banner"], page["footer"]) == (1, 1, 1)
    assert len(set(page["navs"])) == len(page["navs"])
    assert None not in page["navs"]
    assert page["unnamed"] == page["unlabelled"] == page["missing"] == page["dangling"] == 0
    assert page["doubled"] == []
    assert page["hotline"]

    assert page["lang"] == lang
    assert page["title"].count(" – ") >= 1
    assert page["title"].endswith("品质 · 烟台市" if lang == "zh-CN" else "Pinzhi · Yantai")
    assert seen_titles.setdefault(page["title"], path) == path, "two pages have one title"
    if place.status >= 400:
        assert page["title"].startswith("错误：" if lang == "zh-CN" else "Error: ")

    there = urlsplit(page["switcher"])
    here = urlsplit(path)
    assert there.path == (f"/en{here.path}" if lang == "zh-CN" else here.path.removeprefix("/en"))
    assert sorted(parse_qsl(there.query)) == sorted(parse_qsl(here.query))

    assert not [word for word in FORBIDDEN if word in page["text"]]
    for figure in page["figures"]:
        assert ("数据截至" in figure or "Data as of" in figure) or "95%" in figure
    await fits(visit)


async def fits(visit: Visit) -> None:
    """Nothing overflows at 1440, 768, 390 and 320 px (reflow, and 200 % zoom of 640), nor with the text spacing of
    WCAG 1.4.12."""
    over = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    for width in (1440, 768, 390, 320):
        await visit.page.set_viewport_size({"width": width, "height": 800})
        assert await visit.page.evaluate(over) == 0, f"{width} px"
    spacing = """() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync('*{line-height:1.5!important;letter-spacing:.12em!important;word-spacing:.16em!important}'
        + 'p{margin-bottom:2em!important}');
      document.adoptedStyleSheets = [sheet];
      const clipped = [...document.querySelectorAll('main *')].filter(n => n.checkVisibility()
        && getComputedStyle(n).overflow === 'hidden' && !n.matches('.vh, .vh *, svg, svg *, thead, thead *, caption')
        && n.scrollHeight > n.clientHeight + 1);
      const root = document.documentElement;
      return [root.scrollWidth - root.clientWidth, clipped.map(n => n.className)];
    }"""
    assert await visit.page.evaluate(spacing) == [0, []]


@pytest.mark.parametrize(("place", "path", "lang"), APART, ids=[name(at) for at in APART])
async def test_axe_finds_nothing(visitor: Visitor, place: Place, path: str, lang: str) -> None:
    """All rules up to WCAG 2.2 AA and best practices in light, contrast again in dark, on a phone."""
    visit = await visitor.open(path, lang=lang, width=390)
    await visit.page.evaluate(AXE.read_text(encoding="utf-8"))
    everything = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
                  "rules": {"target-size": {"enabled": True}}}  # fmt: skip
    assert await violations(visit, everything) == []
    await visit.page.emulate_media(color_scheme="dark")
    assert await violations(visit, {"runOnly": {"type": "rule", "values": ["color-contrast"]}}) == []


async def violations(visit: Visit, options: dict[str, Any]) -> list[str]:
    found = await visit.page.evaluate(
        "options => axe.run(document, {...options, resultTypes: ['violations']})", options
    )
    return [
        f"{v['id']}: {node['target']} {node['failureSummary']}" for v in found["violations"] for node in v["nodes"][:3]
    ]
