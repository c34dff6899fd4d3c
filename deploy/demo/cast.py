"""Who plays in the demo. All are invented: the codes have right check digits and belong to nobody.

GTINs and GLNs stand under 952, the GS1 prefix for examples.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Party:
    slug: str
    uscc: str
    name: str
    area: str
    industry: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    gln: str
    name: str
    party: Party
    area: str
    kind: str


@dataclass(frozen=True)
class Product:
    gtin: str
    name: str
    name_en: str
    owner: Party
    category: str
    shelf_life_days: int
    claims: tuple[str, ...] = ()


COOPERATIVE = Party("orchard", "93370686MADEM0A15K", "栖霞示例果业专业合作社", "370686", "A01", ("producer",))
NUTS = Party("nuts", "91370602MADEM0B2X5", "烟台样例食品有限公司", "370602", "C14", ("processor",))
WHOLESALER = Party(
    "wholesale", "91370611MADEM0C34F", "烟台示例果品批发有限公司", "370611", "F51", ("wholesale", "storage")
)
SEAFOOD = Party("seafood", "91370613MADEM0D49J", "烟台示例海珍品有限公司", "370613", "C13", ("producer", "processor"))
RETAILER = Party("shop", "91370602MADEM0E53Q", "烟台示例超市有限公司", "370602", "F52", ("retail",))
PARTIES = (COOPERATIVE, NUTS, WHOLESALER, SEAFOOD, RETAILER)

ORCHARD = Place("9521101000016", "蛇窝泊镇示例果园 7 号地块", COOPERATIVE, "370686", "orchard")
PACKHOUSE = Place("9521101000023", "示例果业分级包装车间", COOPERATIVE, "370686", "packhouse")
COLD_STORE = Place("9521101000030", "示例果业气调库", COOPERATIVE, "370686", "cold_store")
MARKET = Place("9521101000047", "示例果品批发市场 12 号库", WHOLESALER, "370611", "market")
SHOP = Place("9521101000054", "示例超市南大街店", RETAILER, "370602", "shop")
SEA_FARM = Place("9521101000061", "示例海珍品养殖海区", SEAFOOD, "370613", "aquafarm")
SEA_FACTORY = Place("9521101000078", "示例海珍品加工厂", SEAFOOD, "370613", "factory")
NUT_FACTORY = Place("9521101000085", "样例食品花生酱车间", NUTS, "370602", "factory")
PLACES = (ORCHARD, PACKHOUSE, COLD_STORE, MARKET, SHOP, SEA_FARM, SEA_FACTORY, NUT_FACTORY)

APPLES = Product(
    "09521101530018",
    "栖霞红富士苹果 5 kg 箱装",
    "Qixia Fuji apples, box of 5 kg",
    COOPERATIVE,
    "水果",
    180,
    ("geographical_indication", "green_food"),
)
HARVEST = Product("09521101530025", "红富士苹果（待分级）", "Fuji apples, not yet graded", COOPERATIVE, "水果", 180)
RAW_CUCUMBER = Product("09521101530032", "鲜活刺参", "Live sea cucumbers", SEAFOOD, "水产", 30)
DRIED_CUCUMBER = Product("09521101530049", "淡干海参 250 g", "Dried sea cucumber 250 g", SEAFOOD, "水产制品", 720)
PEANUT_BUTTER = Product(
    "09521101530056", "烟台样例花生酱 350 g", "Yantai sample peanut butter 350 g", NUTS, "炒货食品及坚果制品", 365
)
PRODUCTS = (APPLES, HARVEST, RAW_CUCUMBER, DRIED_CUCUMBER, PEANUT_BUTTER)

FERTILISER = "09521101990010"
"""Organic fertiliser of a maker outside of the register: an input that the orchard names by its code."""
FRUIT_BAGS = "09521101990027"
