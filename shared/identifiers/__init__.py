"""Identifiers of enterprises, products, places and lots: parsed, checked and written the same way by every service.

    uscc          unified social credit code (GB 32100-2015)
    gs1           GTIN, GLN, SSCC, lot, serial
    digital_link  GS1 Digital Link URIs, element strings and what people type
    urn           EPC URNs and their Digital Links

Whatever does not hold raises `IdentifierError(code, zh, en)`, never anything else.
"""

from shared.identifiers.errors import IdentifierError
from shared.identifiers.gs1 import GLNStr, GTINStr, LotStr, SerialStr
from shared.identifiers.uscc import USCC, USCCStr

__all__ = ["USCC", "GLNStr", "GTINStr", "IdentifierError", "LotStr", "SerialStr", "USCCStr"]
