"""Made words: letters in the order of English syllables, without meaning.

A syllable is a beginning, a vowel and an end. The words are a function of their number
and of the seed: no list of words is downloaded or copied.

Example:  >>> made_words(4)
          ['shiefrent', 'koiclee', 'blaysoi', 'smist']
"""

from kissipo.core.seeds import numpy_generator

MIN_LENGTH, MAX_LENGTH = 3, 12
_BEGINNINGS = (
    "b c d f g h j k l m n p qu r s t v w x y z bl br ch cl cr dr fl fr gl gr pl pr sc sh "
    "sk sl sm sn sp st str sw th tr wh"
)
_VOWELS = "a e i o u a e i o u ai au aw ay ea ee ie io oa oi oo ou ow oy y"
_ENDS = "ck d ft g l ll lt m mp mt n nd ng nk nt p r rd rm rn s sh ss st t th x"


def made_words(count: int, seed: int = 0) -> list[str]:
    """Returns so many different words of 3 to 12 letters."""
    generator = numpy_generator(seed, "made words")

    def drawn(parts: list[str]) -> str:
        return parts[generator.integers(len(parts))]

    beginnings, vowels, ends = (part.split() for part in (_BEGINNINGS, _VOWELS, _ENDS))
    words: dict[str, None] = {}
    while len(words) < count:
        word = ""
        for _ in range(generator.integers(1, 5)):
            word += drawn(beginnings) + drawn(vowels)
            word += drawn(ends) if generator.random() < 0.5 else ""
        if MIN_LENGTH <= len(word) <= MAX_LENGTH:
            words[word] = None
    return list(words)
