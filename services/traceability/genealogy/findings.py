"""What a trace says beside its nodes: gaps, contradictions, completeness in words. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from services.traceability.genealogy.holdings import Holding, Observation, effect
from shared.clock import shanghai_date
from shared.i18n import Text


@dataclass(frozen=True, slots=True)
class Found:
    code: str
    node: str
    holder: str | None
    text: Text
    count: int = 1
    """Of how many objects it tells."""


def of_movements(observed: Iterable[Observation], holdings: Sequence[Holding]) -> list[Found]:
    """Receipts that nobody sent, shipments that nobody received, more going out than came in."""
    shipped: set[tuple[str, str]] = set()
    received: set[tuple[str, str]] = set()
    senders: dict[str, set[str]] = {}
    for seen in observed:
        column = effect(seen.event_type, seen.action, seen.biz_step, seen.field)
        if column == "shipped" and seen.destination:
            shipped.add((seen.node, seen.destination))
        if column == "shipped" and seen.holder:
            senders.setdefault(seen.node, set()).add(seen.holder)
        if column == "received" and seen.holder:
            received.add((seen.node, seen.holder))
    found = [
        _unsent(node, holder) for node, holder in sorted(received - shipped) if not senders.get(node, set()) - {holder}
    ]
    found += [_unreceived(node, holder) for node, holder in sorted(shipped - received)]
    found += [_overdrawn(holding) for holding in holdings if holding.on_hand < 0 and not holding.unmeasured]
    return found


def of_sales(observed: Iterable[Observation], expiry: Mapping[str, date]) -> list[Found]:
    """Sales after the last day of a lot."""
    late: dict[tuple[str, str | None], date] = {}
    for seen in observed:
        last = expiry.get(seen.node)
        sold = effect(seen.event_type, seen.action, seen.biz_step, seen.field) == "sold"
        if last is not None and sold and (day := shanghai_date(seen.at)) > last:
            late.setdefault((seen.node, seen.holder), day)
    return [
        Found(
            "sold_after_expiry",
            node,
            holder,
            Text(f"{day} 售出，晚于到期日 {expiry[node]}", f"Sold on {day}, after it expired on {expiry[node]}"),
        )
        for (node, holder), day in sorted(late.items(), key=lambda item: (item[0][0], item[0][1] or ""))
    ]


def of_origins(ends: Collection[str], observed: Iterable[Observation], registered: Collection[str]) -> list[Found]:
    """Branches that end (backward) at a lot of which nobody reported how it came into being.

    A lot that its producer registered, or that an event made, has an origin.
    """
    made: set[str] = set(registered)
    source: dict[str, str] = {}
    for seen in observed:
        if effect(seen.event_type, seen.action, seen.biz_step, seen.field) == "made":
            made.add(seen.node)
        if seen.source:
            source.setdefault(seen.node, seen.source)
    return [Found("no_origin", node, source.get(node), _origin(source.get(node))) for node in sorted(set(ends) - made)]


def _origin(supplier: str | None) -> Text:
    if supplier is None:
        return Text("没有人上报它从何而来", "Nobody reported where it came from")
    return Text(f"来源方 {supplier} 没有上报任何信息", f"The supplier {supplier} reported nothing")


def of_claims(waiting: Iterable[tuple[str, str | None]]) -> list[Found]:
    """What goes on into objects of others, who have not confirmed it: `(node, who may)`."""
    return [Found("unconfirmed", node, asks, _unconfirmed(node, asks)) for node, asks in sorted(set(waiting), key=str)]


def _unconfirmed(node: str, asks: str | None) -> Text:
    who, en = (asks, asks) if asks else ("其持有者或监管部门", "who holds it, or a department,")
    return Text(f"流向 {node}，尚待 {who} 确认", f"Goes on into {node}; {en} has not confirmed it")


def of_closed(ends: Iterable[str]) -> list[Found]:
    """Where the caller's own way ends: what goes on there was reported by others, to others."""
    words = Text("止于此：其余由他方上报，未向您开放", "Ends here: what others reported of it is not open to you")
    return [Found("not_open", node, None, words) for node in sorted(ends)]


def of_left_out(lot_id: str, count: int) -> list[Found]:
    """Ends that were too many to name each."""
    words = Text(
        f"另有 {count} 个止于未向您开放的批次或物品的去向或来源，因数量过多未逐一列出",
        f"{count} more ways end at lots or items that are not open to you, too many to name each",
    )
    return [Found("ends_left_out", lot_id, None, words, count)] if count else []


_COMPLETE = Text(
    "链条完整：每条支线都有来源，每次发货都有收货",
    "Complete: every branch has an origin and every shipment a receipt",
)


def completeness(found: Sequence[Found], *, truncated: bool) -> tuple[bool, Text]:
    """In words; the codes of the findings decide."""
    origins = [each for each in found if each.code == "no_origin"]
    suppliers = sum(1 for each in origins if each.holder)
    claims = sum(1 for each in found if each.code == "unconfirmed")
    lost = sum(1 for each in found if each.code == "shipped_without_receipt")
    zh, en = [], []
    if suppliers:
        zh.append(f"{suppliers} 条支线止于没有上报信息的供应方")
        en.append(
            f"{suppliers} {_branches(suppliers)} end{'s' if suppliers == 1 else ''} at a supplier that reported nothing"
        )
    if unknown := len(origins) - suppliers:
        zh.append(f"{unknown} 条支线来源不明")
        en.append(f"{unknown} {_branches(unknown)} {'has' if unknown == 1 else 'have'} no known origin")
    if lost:
        zh.append(f"{lost} 批次发货没有收货记录")
        en.append(f"{lost} {'shipment has' if lost == 1 else 'shipments have'} no receipt")
    if claims:
        zh.append(f"{claims} 条去向尚待对方确认，需要询问")
        one = claims == 1
        en.append(f"{claims} way{'' if one else 's'} on wait{'s' if one else ''} for the other side to confirm: ask")
    if closed := sum(1 for each in found if each.code == "not_open"):
        zh.append(f"{closed} 条支线止于未向您开放的批次或物品")
        en.append(f"{closed} {_branches(closed)} end{'s' if closed == 1 else ''} at what is not open to you")
    if left_out := sum(each.count for each in found if each.code == "ends_left_out"):
        zh.append(f"另有 {left_out} 个未向您开放的批次或物品未逐一列出")
        are = "is" if left_out == 1 else "are"
        en.append(f"{left_out} more that {are} not open to you {are} not named")
    if truncated:
        zh.append("结果达到上限，未能全部列出")
        en.append("the answer reached its bounds and is not whole")
    if not zh:
        return True, _COMPLETE
    return False, Text("；".join(zh), "; ".join(en))


def _branches(count: int) -> str:
    return "branch" if count == 1 else "branches"


def _unsent(node: str, holder: str) -> Found:
    return Found(
        "received_without_shipping",
        node,
        holder,
        Text(f"{holder} 收货，但没有发货记录", f"{holder} received it, and nobody reported shipping it"),
    )


def _unreceived(node: str, holder: str) -> Found:
    return Found(
        "shipped_without_receipt",
        node,
        holder,
        Text(f"已发往 {holder}，但没有收货记录", f"Shipped to {holder}, which reported no receipt"),
    )


def _overdrawn(holding: Holding) -> Found:
    amount = f"{-holding.on_hand.normalize():f} {holding.uom or ''}".strip()
    who = holding.holder
    return Found(
        "more_out_than_in",
        holding.lot_id,
        who,
        Text(f"{who} 发出、使用和售出比所得多 {amount}", f"{who} shipped, used and sold {amount} more than it had"),
    )
