"""The same pages in other circumstances: a keyboard, no colour, forced colours, reduced motion, paper, a slow phone."""

import re
import zlib
from itertools import combinations
from typing import Any

import pytest

from tests.browser.conftest import Visitor
from tests.browser.pages import PLACES, in_english
from tests.browser.world import APPLES, BLACK, PEANUTS

SCANS = [place for place in PLACES if place.scan]
MILLIMETRE = 96 / 25.4
ON_PAPER = [
    "/targets/agri_sampling_pass_rate",
    f"/enterprises/{BLACK}",
    f"/scan?code=/01/{APPLES}/10/QX261018A",
    "/recalls/R1",
]
BY_KEYBOARD = ["/", "/targets/agri_sampling_pass_rate", "/lists/black", f"/enterprises/{BLACK}", "/scan", "/recalls/R1"]

FOCUSED = """() => {
  const node = document.activeElement;
  if (node === document.body) return null;
  const style = getComputedStyle(node), box = node.getBoundingClientRect();
  const x = box.left + Math.min(box.width / 2, 8), y = box.top + box.height / 2;
  const hit = document.elementFromPoint(x, y);
  const order = [...document.querySelectorAll('*')].indexOf(node);
  return {
    name: node.tagName + ' ' + (node.innerText || node.id || '').slice(0, 30), order,
    ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 3 && style.boxShadow !== 'none',
    inside: box.top >= -1 && box.bottom <= innerHeight + 1 && box.left >= -1 && box.right <= innerWidth + 1,
    box: [box.top, box.bottom, innerHeight],
    covered: !(hit && (node.contains(hit) || hit.contains(node))),
    skip: node.matches('.skip'), picker: node.matches('[type=date]'), tall: box.height > innerHeight,
  };
}"""


@pytest.mark.parametrize("path", [*BY_KEYBOARD, in_english("/")])
async def test_the_keyboard_reaches_everything_in_reading_order_and_sees_where_it_is(
    visitor: Visitor, path: str
) -> None:
    visit = await visitor.open(path, width=1280)
    seen: list[dict[str, Any]] = []
    for _ in range(250):
        await visit.page.keyboard.press("Tab")
        focus = await visit.page.evaluate(FOCUSED)
        if focus is None or (seen and focus["order"] < seen[-1]["order"]):
            break
        seen.append(focus)
    assert seen[0]["skip"]
    for focus in seen:
        assert focus["ring"], focus
        assert focus["inside"] or focus["tall"], focus
        assert not focus["covered"], focus
    reached = {focus["order"] for focus in seen}
    expected = await visit.page.evaluate(
        """() => { const all = [...document.querySelectorAll('*')];
        return all.filter(n => n.matches('a[href], button, input:not([type=hidden]), select, summary')
          && n.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true})).map(n => all.indexOf(n)); }"""
    )
    assert set(expected) <= reached


async def test_the_skip_link_leads_to_the_content(visitor: Visitor) -> None:
    visit = await visitor.open("/")
    await visit.page.keyboard.press("Tab")
    await visit.page.keyboard.press("Enter")
    assert await visit.page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("path", ["/", "/targets/agri_sampling_pass_rate", "/scan", "/recalls", "/lists/black"])
async def test_main_controls_are_44_px_high(visitor: Visitor, path: str) -> None:
    visit = await visitor.open(path, width=390)
    low = await visit.page.evaluate(
        """() => [...document.querySelectorAll('.btn, .in, .keys a, .tools a, .tools summary, .mark')]
        .filter(n => n.checkVisibility()).filter(n => n.getBoundingClientRect().height < 43.9).map(n => n.outerHTML)"""
    )
    assert low == []


async def test_every_light_reads_without_colour(visitor: Visitor) -> None:
    """Eight outlines that differ, each with its word; and drawn in grey they are eight different pictures."""
    visit = await visitor.open("/methods")
    lights = await visit.page.evaluate(
        """() => [...document.querySelectorAll('.legend .st')].map(n => [n.innerText.trim(),
        document.querySelector(n.querySelector('use').getAttribute('href')).innerHTML])"""
    )
    assert len(lights) == 8
    assert all(word for word, _ in lights)
    assert len({word for word, _ in lights}) == len({outline for _, outline in lights}) == 8
    session = await visit.page.context.new_cdp_session(visit.page)
    await session.send("Emulation.setEmulatedVisionDeficiency", {"type": "achromatopsia"})
    icons = visit.page.locator(".legend .st svg")
    pictures = [await icons.nth(i).screenshot() for i in range(8)]
    await session.send("Emulation.setEmulatedVisionDeficiency", {"type": "none"})
    await session.detach()
    masks = [dark_pixels(picture) for picture in pictures]
    for one, other in combinations(masks, 2):
        assert len(one ^ other) > 0.08 * max(len(one), len(other))


def dark_pixels(png: bytes) -> set[tuple[int, int]]:
    """Pixels of a small screenshot that are darker than its corner by a third (8-bit RGB or RGBA, not interlaced)."""
    width, height = int.from_bytes(png[16:20]), int.from_bytes(png[20:24])
    depth, kind = png[24], png[25]
    assert depth == 8
    step = {2: 3, 6: 4}[kind]
    data, at = b"", 8
    while at < len(png):
        length = int.from_bytes(png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += 12 + length
    raw, rows, before = zlib.decompress(data), [], bytearray(width * step)
    for y in range(height):
        start = y * (width * step + 1)
        kind, line = raw[start], bytearray(raw[start + 1 : start + 1 + width * step])
        for i in range(len(line)):
            left = line[i - step] if i >= step else 0
            above, corner = before[i], before[i - step] if i >= step else 0
            guess = left + above - corner
            near = min((left, above, corner), key=lambda v: abs(guess - v))
            line[i] = (line[i] + (0, left, above, (left + above) // 2, near)[kind]) & 255
        rows.append(line)
        before = line
    light = rows[0][0]
    return {(x, y) for y in range(height) for x in range(width) if light - rows[y][x * step] > light / 3}


async def test_forced_colours_keep_the_outlines(visitor: Visitor) -> None:
    visit = await visitor.open("/", forced_colors="active")
    bare = await visit.page.evaluate(
        """() => [...document.querySelectorAll('.st, .tag-black, .tag-red')]
        .filter(n => parseFloat(getComputedStyle(n).borderTopWidth) < 1).length"""
    )
    assert bare == 0
    same = await visit.page.evaluate(
        """() => [...document.querySelectorAll('.tiles .i')]
        .filter(n => getComputedStyle(n).fill === getComputedStyle(n.closest('.card')).backgroundColor).length"""
    )
    assert same == 0


@pytest.mark.parametrize("path", ["/", f"/enterprises/{BLACK}", "/scan"])
async def test_nothing_moves(visitor: Visitor, path: str) -> None:
    visit = await visitor.open(path, reduced_motion="reduce")
    moving = await visit.page.evaluate(
        """() => [document.getAnimations().length, [...document.querySelectorAll('*')].filter(n =>
        getComputedStyle(n).transitionDuration.split(', ').some(d => parseFloat(d) > 0)).length]"""
    )
    assert moving == [0, 0]


@pytest.mark.parametrize(
    "path",
    [
        "/targets/agri_sampling_pass_rate",
        f"/enterprises/{BLACK}",
        f"/scan?code=/01/{APPLES}/10/QX261018A",
        "/recalls/R1",
    ],
)
async def test_paper_is_light_whole_and_says_where_it_is_from(visitor: Visitor, path: str) -> None:
    visit = await visitor.open(path, media="print", scheme="dark", width=718)
    state = await visit.page.evaluate(
        """() => ({
          page: getComputedStyle(document.body).backgroundColor,
          shown: [...document.querySelectorAll('.tools, .top .wide, .btn, form')]
            .filter(n => n.checkVisibility()).length,
          closed: [...document.querySelectorAll('main details table')].filter(n =>
            !n.checkVisibility({contentVisibilityAuto: true})).length,
          foot: document.querySelector('.print-foot').innerText,
          qr: document.querySelector('.qr').getBoundingClientRect().width,
          wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
          split: [...document.querySelectorAll('tr')].filter(n => getComputedStyle(n).breakInside !== 'avoid').length,
        })"""
    )
    assert state["page"] == "rgb(255, 255, 255)"
    assert (state["shown"], state["closed"], state["wide"], state["split"]) == (0, 0, 0, 0)
    assert visitor.site.base in state["foot"]
    assert "2026年11月24日" in state["foot"]
    # the quiet zone of four modules on each side is not part of the 25 mm
    modules = int(re.findall(r'viewBox="0 0 (\d+)', await visit.page.locator(".qr").evaluate("n => n.outerHTML"))[0])
    assert state["qr"] * (modules - 8) / modules >= 25 * MILLIMETRE
    pdf = await visit.page.pdf(format="A4", prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")


@pytest.mark.parametrize("place", SCANS, ids=lambda place: place.name)
async def test_a_scan_is_light(visitor: Visitor, place: Any) -> None:
    """HTML at most 30 kB, stylesheets at most 16 kB, no script, at most one image: all as sent, uncompressed."""
    visit = await visitor.open(place.path, width=390)
    html = len(await visit.response.body())
    css = images = 0
    for url in visit.requests[1:]:
        answer = await visit.page.request.get(url)
        if url.split("?")[0].endswith(".css"):
            css += len(await answer.body())
        else:
            images += 1
    assert html <= 30_000
    assert css <= 16_000
    assert images <= 1
    assert await visit.page.evaluate("document.scripts.length") == 0


async def test_a_digital_link_speaks_the_language_of_the_phone(visitor: Visitor) -> None:
    path = f"/01/{PEANUTS}/10/HS261030"
    chinese = await visitor.open(path, width=390)
    assert await chinese.page.locator("h1").inner_text() == "正在召回，请勿食用"
    assert chinese.response.headers["vary"] == "Accept, Accept-Language"
    english = await visitor.open(path, width=390, lang="en")
    assert await english.page.locator("h1").inner_text() == "Recalled: do not eat"
    await english.page.get_by_role("link", name="中文").click()
    assert await english.page.locator("h1").inner_text() == "正在召回，请勿食用"
