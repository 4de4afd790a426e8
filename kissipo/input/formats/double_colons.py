"""Tables whose cells are separated by two colons, as MovieLens 1M and 10M are.

Example:  >>> are_split_by_double_colons(["1::1193::5", "1::661::3"])
          True
          >>> are_split_by_double_colons(["name,type", "queue,std::deque"])
          False
          >>> list(by_tabs(["1::Alien: Covenant::Horror"]))
          ['1\\tAlien: Covenant\\tHorror']
"""

from collections.abc import Iterable, Iterator, Sequence

DOUBLE_COLON = "::"


def are_split_by_double_colons(lines: Sequence[str]) -> bool:
    """Whether all lines that are not blank have the same number of double colons."""
    counts = {line.count(DOUBLE_COLON) for line in lines if line.strip()}
    return len(counts) == 1 and counts != {0}


def by_tabs(lines: Iterable[str]) -> Iterator[str]:
    """Yields the lines with tabs between cells; a tab in a cell becomes a blank."""
    for line in lines:
        yield line.replace("\t", " ").replace(DOUBLE_COLON, "\t")
