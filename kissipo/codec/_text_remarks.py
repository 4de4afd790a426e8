"""Remarks on texts: how many are truncated or empty, and what is not known of them.

Example:  >>> text_remarks("a", "words", texts=9, length=5, truncated=2, empty=0)
          ["2 of 9 'a' longer than 5 words, truncated"]
"""


def text_remarks(
    name: str, unit: str, *, texts: int, length: int, truncated: int, empty: int, unknown: str = ""
) -> list[str]:
    """Returns the remarks on the texts of a column.

    length:            the number of tokens of the longest text that is not truncated
    truncated, empty:  numbers of texts
    unknown:           the remark on unknown tokens, if there are some
    """
    remarks = []
    if truncated:
        remarks.append(f"{truncated} of {texts} '{name}' longer than {length} {unit}, truncated")
    if unknown:
        remarks.append(unknown)
    if empty:
        remarks.append(f"{empty} empty '{name}', read as no {unit}")
    return remarks


def unknown_pieces(name: str, unit: str, *, unknown: int, pieces: int) -> str:
    """Returns the remark on pieces of words that are not in the vocabulary; empty
    without any.

    Example:  >>> unknown_pieces("a", "bytes", unknown=1, pieces=8)
              "1 of 8 bytes of 'a' (12.5%) are not in the vocabulary, read as unknown"
    """
    if not unknown:
        return ""
    share = f"{unknown} of {pieces} {unit} of '{name}' ({unknown / pieces:.1%})"
    return f"{share} are not in the vocabulary, read as unknown"
