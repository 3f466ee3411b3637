"""Text of others (an operator, a broker, a strategy) on a terminal: it can neither move the cursor, nor colour, nor break a line."""

from __future__ import annotations


def printable(text: str) -> str:
    """Characters that are not printable as `?`."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)
