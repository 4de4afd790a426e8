"""Neighbor: a document or a word that is similar to another one."""

from dataclasses import dataclass

from kissipo.core.json_object import JsonObject
from kissipo.core.text import printable


@dataclass(frozen=True)
class Neighbor:
    """Something similar, with what makes it similar.

    name:     of the document, or the word itself
    cosine:   of the two vectors: 1 is the same direction, 0 is nothing in common
    text:     the first words of the document
    terms:    the terms with the largest parts of the cosine, which add up to it
    same_as:  documents with the same text, so that their order says nothing
    """

    name: str
    cosine: float
    text: str = ""
    terms: tuple[tuple[str, float], ...] = ()
    same_as: tuple[str, ...] = ()

    def describe(self) -> str:
        """Returns the cosine, the name, the first words and the terms in one line."""
        parts = [f"{self.cosine:.4f}", printable(self.name)]
        parts += [printable(self.text)] if self.text else []
        parts += [self.describe_terms()] if self.terms else []
        parts += [f"the same text as {', '.join(self.same_as)}"] if self.same_as else []
        return "\t".join(parts)

    def describe_terms(self) -> str:
        """Returns the terms with their parts of the cosine.

        Example:  >>> Neighbor("a", 0.6, terms=(("bank", 0.4),)).describe_terms()
                  'bank 0.400'
        """
        return ", ".join(f"{printable(term)} {part:.3f}" for term, part in self.terms)

    def to_json(self) -> JsonObject:
        """Returns the neighbor as a dictionary for `--json`."""
        return {
            "name": self.name,
            "cosine": self.cosine,
            "text": self.text,
            "terms": [{"term": term, "part": part} for term, part in self.terms],
            "same_as": list(self.same_as),
        }
