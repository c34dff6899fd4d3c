"""How a list is bound to the caller's area."""


def area_prefix(code: str | None) -> str:
    """The significant digits of an area code: `3706` for the city 370600. All of them for the nation; a caller
    without an area sees nothing."""
    if code is None:
        return "-"
    if code == "100000":
        return ""
    if len(code) > 6:
        return code
    return code[:2] if code.endswith("0000") else code[:4] if code.endswith("00") else code
