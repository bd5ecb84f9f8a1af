"""Text from elsewhere on its way to a terminal."""

from __future__ import annotations


def printable(text: str, keep: str = "\n\t") -> str:
    """The text with escapes for whatever is not to be seen: control characters act on a terminal, or hide text.

    Parameters
    ----------
    text : str
        From a file, a file's name, or a server.
    keep : str
        Control characters that stay.

    Returns
    -------
    str

    Examples
    --------
    >>> from wengert._terminal import printable
    >>> print(printable("\\x1b[2Jdone"))
    \\x1b[2Jdone
    """
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)
