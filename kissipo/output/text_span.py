"""Text span: words of a text that answer a question, and where they stand."""

from dataclasses import dataclass

from kissipo.core.json_object import JsonObject

NO_ANSWER = "(no answer in the text)"


@dataclass(frozen=True)
class TextSpan:
    """A possible answer.

    text:        its words as they stand in the text; empty for "no answer"
    confidence:  its probability
    start, end:  its first character and the one after its last, counted from 0
    """

    text: str
    confidence: float
    start: int = 0
    end: int = 0

    def describe(self) -> str:
        """Returns the words and their probability.

        Example:  >>> TextSpan("Ada Lovelace", 0.52, 3, 15).describe()
                  'Ada Lovelace (52%)'
        """
        return f"{self.text or NO_ANSWER} ({self.confidence:.0%})"

    def to_json(self) -> JsonObject:
        """Returns the span as `--json` prints it; "no answer" has no place."""
        place = {"start": self.start, "end": self.end} if self.text else {}
        return {"text": self.text, "confidence": self.confidence, **place}
