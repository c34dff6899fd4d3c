"""Vocabularies of master data, and the dates of a lot. Pure."""

from datetime import date, timedelta

from shared.i18n import Text

PARTY_ROLES = {
    "producer": Text("生产者", "producer"),
    "processor": Text("加工者", "processor"),
    "storage": Text("仓储", "storage"),
    "carrier": Text("运输", "carrier"),
    "wholesale": Text("批发", "wholesale"),
    "retail": Text("零售", "retail"),
    "catering": Text("餐饮", "catering"),
    "importer": Text("进口商", "importer"),
    "exporter": Text("出口商", "exporter"),
}
PLACE_KINDS = {
    "orchard": Text("果园", "orchard"),
    "farm": Text("农场", "farm"),
    "aquafarm": Text("养殖场", "aquaculture farm"),
    "factory": Text("工厂", "factory"),
    "packhouse": Text("包装厂", "packhouse"),
    "cold_store": Text("冷库", "cold store"),
    "warehouse": Text("仓库", "warehouse"),
    "market": Text("批发市场", "wholesale market"),
    "shop": Text("门店", "shop"),
    "restaurant": Text("餐饮店", "restaurant"),
    "port": Text("口岸", "port"),
    "office": Text("办公地址", "office"),
}
CLAIMS = {
    "pollution_free": Text("无公害农产品", "pollution-free product"),
    "green_food": Text("绿色食品", "green food"),
    "organic": Text("有机产品", "organic product"),
    "geographical_indication": Text("地理标志", "geographical indication"),
    "same_line_standard_quality": Text("同线同标同质", "same line, same standard, same quality"),
}
"""三品一标 and 同线同标同质 (plan, 三(一) and 四(三))."""


def expires_on(produced_on: date, shelf_life_days: int) -> date:
    """Last day of the shelf life (保质期). The day of production is not counted (民法典第二百零一条).

    Raises OverflowError past the year 9999.
    """
    return produced_on + timedelta(days=shelf_life_days)
