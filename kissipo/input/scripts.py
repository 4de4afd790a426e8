"""Scripts: texts in scripts that have no blanks between words.

Example:  >>> is_without_blanks(["快递太慢了 iPhone 手机壳质量很好"])
          True
          >>> is_without_blanks(["I love 寿司"]), is_without_blanks(["北京"])
          (False, False)
"""

import re
from collections.abc import Sequence

WITHOUT_BLANKS = (  # ranges of letters, for a pattern
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_LETTER = re.compile(f"[{WITHOUT_BLANKS}]")
_LONG_TEXT = 8
_HEAD = 100_000  # characters of a text that are looked at


def is_without_blanks(texts: Sequence[str]) -> bool:
    """Whether texts are sentences, mostly in a script that is written without blanks,
    such as Chinese, Japanese or Thai."""
    texts = [text[:_HEAD] for text in texts]
    letters = sum(map(str.isalpha, "".join(texts)))
    matches = sum(len(_LETTER.findall(text)) for text in texts)
    return matches >= 0.5 * max(1, letters) and matches >= _LONG_TEXT * len(texts)
