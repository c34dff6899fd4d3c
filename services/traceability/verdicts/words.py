"""Words of a verdict in both languages. Pure."""

from datetime import date

from shared.i18n import Lang, Text

TITLES = {
    "safe": Text("未发现问题", "No problem found"),
    "recalled": Text("正在召回，请勿食用", "Recalled: do not eat"),
    "held": Text("暂停销售，正在调查", "On hold, being checked"),
    "expired": Text("已过保质期", "Past its date"),
    "unknown": Text("没有这个码的记录", "No record of this code"),
}
STEPS = {
    "commissioning": Text("生产", "Produced"),
    "creating_class_instance": Text("生产", "Produced"),
    "transforming": Text("加工", "Processed"),
    "harvesting": Text("采收", "Harvested"),
    "inspecting": Text("检验", "Inspected"),
    "packing": Text("包装", "Packed"),
    "unpacking": Text("拆包", "Unpacked"),
    "repackaging": Text("分装", "Repacked"),
    "assembling": Text("组装", "Assembled"),
    "storing": Text("入库", "Stored"),
    "stocking": Text("上架", "Put on the shelf"),
    "loading": Text("装车", "Loaded"),
    "unloading": Text("卸车", "Unloaded"),
    "staging_outbound": Text("备货", "Staged for dispatch"),
    "shipping": Text("发货", "Shipped"),
    "departing": Text("发运", "Departed"),
    "transporting": Text("运输", "Transported"),
    "arriving": Text("到达", "Arrived"),
    "receiving": Text("收货", "Received"),
    "accepting": Text("验收", "Accepted"),
    "holding": Text("暂存待检", "Held"),
    "sensor_reporting": Text("温湿度记录", "Sensor report"),
    "sampling": Text("抽样", "Sampled"),
    "retail_selling": Text("零售", "Sold"),
    "dispensing": Text("售出", "Dispensed"),
    "consigning": Text("寄售", "Consigned"),
    "recalling": Text("召回", "Recalled"),
    "returning": Text("退货", "Returned"),
    "destroying": Text("销毁", "Destroyed"),
    "decommissioning": Text("注销", "Decommissioned"),
    "observing": Text("记录", "Observed"),
}
"""CBV 2.0 business steps of a food chain; another step is shown under its own name."""
GAPS = {
    "shipping": Text("没有发货记录：这一环节没有上报", "No shipping record: this step was not reported"),
    "receiving": Text(
        "没有收货记录：可能在途，或没有上报", "No receiving record: on its way, or this step was not reported"
    ),
}
TEST_KINDS = {
    "supervision": Text("监督抽检", "supervision test"),
    "self": Text("企业自检", "producer's own test"),
    "entrusted": Text("企业委托检验", "test on the producer's order"),
    None: Text("检验", "test"),
}
LEVELS = {1: Text("一级", "Class 1"), 2: Text("二级", "Class 2"), 3: Text("三级", "Class 3")}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def test_kind(kind: str | None) -> Text:
    """Who had it tested."""
    return TEST_KINDS[kind]


def step_title(step: str, lang: Lang) -> str:
    text = STEPS.get(step)
    return text(lang) if text else step.replace("_", " ")


def day(value: date) -> Text:
    return Text(f"{value.year}年{value.month}月{value.day}日", f"{value.day} {_MONTHS[value.month - 1]} {value.year}")
