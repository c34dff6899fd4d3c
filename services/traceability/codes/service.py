"""Digital Links of this platform, their link sets and QR symbols."""

import io
from typing import Any
from urllib.parse import urlencode

import segno

from services.traceability.codes import rules
from services.traceability.inspections.repository import has_tests
from services.traceability.masterdata.models import Product
from services.traceability.verdicts.repository import is_recalled
from shared.db import AsyncSession
from shared.i18n import Text
from shared.identifiers.digital_link import Code

QUIET_ZONE = 4
"""Modules of blank border that ISO/IEC 18004 asks for."""


async def linkset(session: AsyncSession, code: Code, base: str) -> dict[str, Any]:
    product = await session.get(Product, code.gtin)
    name = Text(product.name, product.name_en or product.name) if product else Text(code.gtin, code.gtin)
    return rules.linkset(
        code.uri(base),
        base,
        name,
        urlencode({"MATCH_anyEPC" if code.serial else "MATCH_anyEPCClass": code.uri()}),
        recalled=code.lot_id is not None and await is_recalled(session, code.lot_id),
        tested=code.lot_id is not None and await has_tests(session, code.lot_id),
    )


def svg(code: Code, base: str) -> bytes:
    """A QR as SVG with a title; scales without loss, at least 25 mm wide in print."""
    out = io.BytesIO()
    _symbol(code, base).save(
        out, kind="svg", border=QUIET_ZONE, unit="mm", scale=1, title=code.uri(base), xmldecl=False, svgns=True
    )
    return out.getvalue()


def png(code: Code, base: str, scale: int) -> bytes:
    """A QR as PNG, `scale` pixels a module."""
    out = io.BytesIO()
    _symbol(code, base).save(out, kind="png", border=QUIET_ZONE, scale=scale)
    return out.getvalue()


def _symbol(code: Code, base: str) -> segno.QRCode:
    """Error correction M: 15 % of a symbol may be lost to dirt and creases."""
    return segno.make_qr(code.uri(base), error="m", boost_error=True)
