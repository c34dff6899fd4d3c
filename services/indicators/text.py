"""Text from outside on its way into a query."""


def storable(text: str) -> str:
    """A NUL cannot be stored, so nothing has it; PostgreSQL refuses even to look for it."""
    return text.replace("\x00", "\ufffd")
