"""Running text of the two static pages: blocks of (heading, paragraphs, points) in both languages."""

from dataclasses import dataclass

from services.gateway.portal.formats import Lang


@dataclass(frozen=True)
class Block:
    heading: str
    paragraphs: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    lights: tuple[tuple[str, str], ...] = ()


_LIGHTS_ZH = (
    ("met", "数值达到目标；合格率的整个 95% 区间在目标以上。"),
    ("on_track", "还没有到期，按现在的速度能够达到。"),
    ("at_risk", "还没有到期，按现在的速度可能达不到。"),
    ("off_track", "按现在的速度达不到，或者已经到期没有达到。"),
    ("breached", "“保持”类目标跌破过一次：合格率的整个 95% 区间在目标以下。"),
    ("cannot_tell", "数据不足以判断：样本太少，或者计划没有规定容差。会写明还要多少样本。"),
    ("not_due", "还没有到应当有数据的时候。"),
    ("no_data", "没有收到数据。不等于没有达到。"),
)
_LIGHTS_EN = (
    ("met", "The value reaches the target; the whole 95% interval of a pass rate lies at or above it."),
    ("on_track", "Not due yet, and the present pace is enough."),
    ("at_risk", "Not due yet, and the present pace may not be enough."),
    ("off_track", "The present pace is not enough, or the deadline has passed without the target being reached."),
    ("breached", "A floor that must always hold was broken: the whole 95% interval lies below the target."),
    (
        "cannot_tell",
        "Too few samples, or the plan sets no tolerance. The number of samples that would settle it is given.",
    ),
    ("not_due", "Data is not due yet."),
    ("no_data", "No data was received. This does not mean that the target was missed."),
)

METHODS: dict[Lang, tuple[str, tuple[Block, ...]]] = {
    "zh": (
        "每个数字从哪里来，每个灯怎样决定。",
        (
            Block("灯号怎样决定", ("先看形状，再看文字，颜色只是帮助。",), (), _LIGHTS_ZH),
            Block(
                "合格率与区间",
                (
                    "合格率写明抽查多少批、合格多少批，以及精确 95% 区间（Clopper-Pearson）。"
                    "灯由同一个区间决定：整个区间在目标以下才说没有达到，整个区间在目标以上才说达到，"
                    "否则写“尚难判断”。",
                    "例如 18 批中 16 批合格，合格率 88.89%，区间 65.29%–98.62%，98% 在区间内，不能判断；"
                    "一批不失，也要 183 批才能证明达到 98%。",
                    "几个地区合并时用合格总数除以抽查总数，不用各地合格率的平均。样本太少的地区不排名。",
                ),
            ),
            Block(
                "数据来源",
                (
                    "目标来自烟台市 2018 年《关于实施“品质品牌”战略全面开展质量提升行动的实施方案》，"
                    "每项都引用原文。数字来自责任部门上报和公开发布的抽查结果，每个数字旁边写来源；"
                    "其他城市的数字只算在那些城市名下。",
                    "标“暂定数”的由检验结果自动汇总，经审核后才成为正式数字。",
                ),
            ),
            Block(
                "红黑榜",
                (
                    "列入黑榜要经过提出、告知、听取意见、决定、公布，提出人和决定人不能是同一个人。"
                    "名单按日期计算，期满当天之后不再显示。名称不能决定身份，统一社会信用代码才能。",
                    "没有公开的失信记录，只表示现在没有依法公示的记录，不等于没有违法。",
                ),
            ),
            Block(
                "扫码结论",
                (
                    "“未发现问题”会列出核对了什么。召回、暂停销售在接到通知后一秒之内反映到扫码结果。"
                    "生产者的信用另外显示，不改变扫码结论。",
                ),
            ),
            Block(
                "截至时间与服务中断",
                (
                    "某个服务不通时，页面照常可看，过时的部分写明“截至几点”。加上 as_of=日期 "
                    "可以看过去某一天结束时的情况。",
                ),
            ),
        ),
    ),
    "en": (
        "Where each figure comes from and how each light is decided.",
        (
            Block("How a light is decided", ("Shape first, then the word; colour only helps.",), (), _LIGHTS_EN),
            Block(
                "Pass rates and intervals",
                (
                    "A pass rate states how many batches were sampled, how many passed, and the exact 95% interval "
                    "(Clopper-Pearson). The same interval decides the light: only an interval wholly below the target "
                    "says missed, only one wholly at or above it says met; otherwise it cannot be told.",
                    "For example, 16 of 18 passed is 88.89%, interval 65.29%–98.62%: a target of 98% lies inside, so "
                    "it cannot be told. Without a single failure, 183 batches are needed to show 98%.",
                    "Areas are pooled as total passed over total sampled, never as a mean of rates. An area with few "
                    "samples is not ranked.",
                ),
            ),
            Block(
                "Sources",
                (
                    "The targets are those of Yantai's 2018 implementation plan for quality improvement, each with its "
                    "clause in Chinese. Figures come from the responsible departments and from published sampling "
                    "results, each with its source; figures of other cities stay figures of those cities.",
                    "“Provisional” figures are added up from test results and become final when approved.",
                ),
            ),
            Block(
                "Red and black list",
                (
                    "A black listing is proposed, notified, heard, decided and published; who proposes cannot decide. "
                    "What is in force follows from the dates: after the last day an entry is no longer shown. "
                    "A name never decides who somebody is; the unified social credit code does.",
                    "No public adverse record means that nothing is lawfully public now, not that no law was broken.",
                ),
            ),
            Block(
                "What a scan says",
                (
                    "“No problem found” lists what was checked. Recalls and holds reach the scan within a second of "
                    "the notice. The producer's credit stands beside the verdict and never changes it.",
                ),
            ),
            Block(
                "As of, and services that are down",
                (
                    "When a service is down the pages still answer, and a part that is behind says as of when. "
                    "With as_of=day you see how things stood at the end of a past day.",
                ),
            ),
        ),
    ),
}

ACCESSIBILITY: dict[Lang, tuple[str, tuple[Block, ...]]] = {
    "zh": (
        "我们希望每个人都能用这些页面，目标是 WCAG 2.2 AA。",
        (
            Block(
                "做到了什么",
                (),
                (
                    "全部页面不用 JavaScript 也能使用，可以只用键盘操作。",
                    "灯号用形状和文字区分，不只靠颜色；灰度打印也能读。",
                    "浅色、深色和强制颜色模式都检查过对比度。",
                    "放大到 200%、窄到 320 像素不用左右滚动。",
                    "图表都有内容相同的数据表。",
                    "“减少动态效果”打开时页面没有动画。",
                ),
            ),
            Block(
                "还不够的地方",
                (),
                (
                    "英文页面中的计划原文、企业名称和处罚内容是中文，已标明语言。",
                    "还没有请残障人士做过完整的使用测试。",
                ),
            ),
            Block("遇到障碍", ("请打 12345，说明是哪一页、用什么设备。",)),
        ),
    ),
    "en": (
        "Everybody should be able to use these pages; the aim is WCAG 2.2 AA.",
        (
            Block(
                "What is done",
                (),
                (
                    "All pages work without JavaScript and with the keyboard alone.",
                    "Lights differ by shape and word, not by colour only; a grey print still reads.",
                    "Contrast was checked in light, dark and forced colours.",
                    "At 200% zoom or 320 pixels nothing scrolls sideways.",
                    "Every chart has a table with the same numbers.",
                    "Nothing moves when reduced motion is asked for.",
                ),
            ),
            Block(
                "What falls short",
                (),
                (
                    "Clauses of the plan, names of enterprises and penalty texts are in Chinese on English pages, "
                    "and marked as such.",
                    "No full test with disabled users was made yet.",
                ),
            ),
            Block("If something is in your way", ("Call 12345 and say which page and which device.",)),
        ),
    ),
}
