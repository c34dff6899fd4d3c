"""What people come for, done with JavaScript switched off."""

from urllib.parse import parse_qs, urlsplit

from playwright.async_api import Page, expect

from shared.events.credit import EnterpriseUpdated
from tests.browser import world
from tests.browser.conftest import Visitor
from tests.browser.world import APPLES, BLACK, NAMESAKE, PEANUTS, RED


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


async def test_see_what_is_breached_and_how_it_is_measured(visitor: Visitor) -> None:
    page = (await visitor.open("/", js=False)).page
    await expect(page.get_by_role("heading", name="先看这些")).to_be_visible()
    await page.get_by_role("link", name="失守 1", exact=True).click()
    assert query(page)["light"] == ["breached"]
    await expect(page.get_by_role("status")).to_contain_text("1 项")
    await page.locator("#targets").get_by_role("link", name="农产品质量抽查合格率").click()
    answer = page.locator(".answer")
    await expect(answer).to_contain_text("失守")
    await expect(answer).to_contain_text("97.01%")
    await expect(answer).to_contain_text("95% 区间 96.82%–97.18%")
    await expect(page.locator("blockquote")).to_have_text("农产品质量抽查合格率保持在98%以上")
    await page.go_back()
    assert query(page)["light"] == ["breached"]


async def test_all_117_rows_of_the_plan_stand_on_the_dashboard(visitor: Visitor) -> None:
    page = (await visitor.open("/", js=False)).page
    await expect(page.locator(".tiles a")).to_have_count(117)
    await expect(page.locator(".clauses blockquote")).to_have_count(117)
    await page.locator(".unit summary").first.click()
    await expect(page.locator(".clauses blockquote").first).to_be_visible()


async def test_look_at_another_area_and_department(visitor: Visitor) -> None:
    page = (await visitor.open("/", js=False)).page
    await page.get_by_label("地区").select_option(label="巴中市")
    await page.get_by_role("button", name="查看").click()
    assert query(page)["area"] == ["511900"]
    await expect(page.locator(".act").first).to_contain_text("89.55%")
    await expect(page.get_by_role("img", name="区间重叠")).to_be_visible()
    await page.get_by_role("button", name="筛选").click()
    assert query(page)["area"] == ["511900"]


async def test_ask_for_a_past_day_and_come_back(visitor: Visitor) -> None:
    page = (await visitor.open(f"/enterprises/{BLACK}", js=False)).page
    await expect(page.get_by_role("heading", name="已列入黑榜，2029年3月15日期满")).to_be_visible()
    await page.get_by_label("看其他日期").fill("2026-03-01")
    await page.get_by_role("button", name="查看").click()
    await expect(page.get_by_role("note").first).to_contain_text("您在看 2026年3月1日 的情况")
    # A past day is asked from credit, which is down here: the page stands, and says what is missing.
    await expect(page.locator("main")).to_contain_text("这一部分暂时取不到，其余不受影响")
    await page.get_by_role("link", name="English").click()
    assert query(page)["as_of"] == ["2026-03-01"]
    await page.get_by_role("link", name="Back to today").click()
    await expect(page.get_by_role("heading", name="Black-listed until 15 Mar 2029")).to_be_visible()


async def test_find_out_whether_an_enterprise_is_listed(visitor: Visitor) -> None:
    page = (await visitor.open("/lists/black", js=False)).page
    await page.get_by_label("企业名称或统一社会信用代码").fill("福建一建")
    await page.get_by_role("button", name="查找").click()
    await expect(page.locator("main")).to_contain_text("黑榜中没有“福建一建”。")
    await expect(page.locator("main")).to_contain_text("名称相近不等于同一企业，请用统一社会信用代码核对。")
    await expect(page.get_by_role("status")).to_contain_text("0")
    await page.get_by_label("企业名称或统一社会信用代码").fill("样例食品")
    await page.get_by_role("button", name="查找").click()
    await page.get_by_role("link", name="烟台样例食品有限公司").click()
    plate = page.locator(".plate")
    for fact in (
        "超范围使用食品添加剂",
        "烟台市市场监督管理局",
        "第44号",
        "烟市监列〔2026〕3 号",
        "2029年3月15日",
        "怎样移出",
        "还差 112 天",
    ):
        await expect(plate).to_contain_text(fact)
    code = page.locator(".uscc").first
    assert await code.inner_text() == BLACK


async def test_switch_between_the_lists_keeps_the_search(visitor: Visitor) -> None:
    page = (await visitor.open("/lists/black?q=果业", js=False)).page
    await page.get_by_role("navigation", name="名单").get_by_role("link", name="红榜").click()
    assert query(page)["q"] == ["果业"]
    await expect(page.locator("article")).to_contain_text("栖霞示例果业专业合作社")
    await expect(page.locator("article .tag-red")).to_be_visible()


async def test_enter_a_code_wrongly_then_rightly(visitor: Visitor) -> None:
    page = (await visitor.open("/scan", js=False)).page
    await page.get_by_label("追溯码").fill("06901234567899")
    await page.get_by_role("button", name="查这个码").click()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("14")
    assert await page.title() == "错误：这个码写得不对 – 扫码查询 – 品质 · 烟台市"
    field = page.get_by_label("追溯码")
    await expect(field).to_have_value("06901234567899")
    await expect(field).to_have_attribute("aria-invalid", "true")
    summary, beside = await alert.locator("a").inner_text(), await page.locator("#scan-err").inner_text()
    assert summary == beside
    await alert.locator("a").click()
    assert urlsplit(page.url).fragment == "scan-code"
    await field.fill(f"(01){APPLES}(10)QX261018A")
    await page.get_by_role("button", name="查这个码").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("未发现问题")
    await expect(page.locator(".chk li")).to_have_count(5)
    await expect(page.locator(".rail")).to_contain_text("没有记录：这一环节没有上报")
    await expect(page.locator(".tag-red")).to_be_visible()


async def test_the_summary_of_errors_takes_the_focus(visitor: Visitor) -> None:
    page = (await visitor.open("/scan?code=06901234567899")).page
    await expect(page.get_by_role("alert")).to_be_focused()


async def test_learn_what_to_do_with_recalled_food(visitor: Visitor) -> None:
    page = (await visitor.open(f"/scan?code=/01/{PEANUTS}/10/HS261030", js=False, width=390)).page
    await expect(page.get_by_role("heading", level=1)).to_have_text("正在召回，请勿食用")
    steps = page.get_by_role("listitem").filter(has_text="停止食用")
    box = await steps.first.bounding_box()
    assert box is not None
    assert box["y"] < 900
    await expect(page.locator("main")).to_contain_text("0535-000 0000，或 12345")
    await expect(page.locator(".tag-black")).to_be_visible()
    await page.get_by_role("link", name="查看召回公告").click()
    await expect(page.locator("main")).to_contain_text("新增 1 个批次，召回范围已扩大")
    await expect(page.locator(".lots tbody tr")).to_have_count(2)
    await page.goto(page.url.split("/recalls")[0] + "/recalls?q=花生酱")
    await expect(page.get_by_role("status")).to_contain_text("“花生酱”找到 1 起")


async def test_a_shopper_on_the_phone_finds_the_other_pages(visitor: Visitor) -> None:
    page = (await visitor.open("/scan", js=False, width=390)).page
    await page.locator("summary", has_text="菜单").click()
    await page.get_by_role("link", name="红黑榜").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("黑榜")


async def test_a_lost_visitor_is_helped_on(visitor: Visitor) -> None:
    visit = await visitor.open(f"/enterprises/{RED[:-1]}", js=False)
    assert visit.response.status == 404
    await expect(visit.page.locator("main")).to_contain_text("17 位")
    await expect(visit.page.get_by_role("searchbox", name="在红黑榜中查找")).to_have_value(RED[:-1])


async def test_only_an_enterprise_itself_is_found_by_its_code(visitor: Visitor) -> None:
    """No status for a namesake: who shares the name of a listed enterprise shows nothing of its listing."""
    await visitor.site.harness.deliver(
        EnterpriseUpdated(uscc=NAMESAKE, name="烟台样例食品有限公司", area_code="370613", state="active")
    )
    page = (await visitor.open(f"/enterprises/{NAMESAKE}", js=False)).page
    await expect(page.get_by_role("heading", level=1)).to_have_text("烟台样例食品有限公司")
    await expect(page.locator("main")).not_to_contain_text("已列入黑榜")
    await expect(page.get_by_role("heading", name="没有公开的失信记录")).to_be_visible()


async def test_a_new_recall_is_on_the_scan_at_once(visitor: Visitor) -> None:
    """The page is asked for again, the answer has changed: nothing of the old verdict is kept by the browser."""
    path = f"/scan?code=/01/{APPLES}/10/LATE1"
    await visitor.site.harness.deliver(world.lot(APPLES, "LATE1"))
    page = (await visitor.open(path, js=False)).page
    await expect(page.get_by_role("heading", level=1)).to_have_text("未发现问题")
    held = world.lot(APPLES, "LATE1", verdict="held", reasons=["检验不合格"], reasons_en=["A test failed"])
    await visitor.site.harness.deliver(held)
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("暂停销售，正在调查")
