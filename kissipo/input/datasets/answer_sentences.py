"""Answer sentences: which of four sentences of a paragraph answers a question.

They are made from the questions of `squad-new-wiki`: the sentence in which the answer
begins and three others of its paragraph, drawn and in a drawn order, the same every
time. Paragraphs of fewer than four different sentences are left out.

Source:   Miller, Krauth, Recht and Schmidt, The Effect of Natural Distribution Shift on
          Question Answering Models, ICML 2020; the task is that of QNLI (Wang et al.,
          GLUE, 2018), as a choice.
License:  that of `squad-new-wiki`.
Example:  >>> sentences_of("It was on the 3.5 m line. Who knew? All of us!")
          [(0, 'It was on the 3.5 m line.'), (26, 'Who knew?'), (36, 'All of us!')]
"""

import re

import numpy as np

from kissipo.core.frame import Frame, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.input.datasets import squad_new_wiki
from kissipo.input.source_data import Reading

SOURCES = ("table",)
ABOUT = "a choice among four sentences of Wikipedia, of which one answers a question"
HOME, LICENSE = squad_new_wiki.HOME, squad_new_wiki.LICENSE
FILES = (squad_new_wiki.FILE,)
OPTIONS = ("sentence0", "sentence1", "sentence2", "sentence3")
_COUNT, _SEED = len(OPTIONS), 0
_SENTENCE = re.compile(r"\S(?:[^.!?]|[.!?](?!\s+[A-Z\"']|\s*$))*[.!?]*")


def read() -> Reading:
    """Reads title, question, four sentences, and the number of the right one from 0."""
    frame = squad_new_wiki.read().frame
    names = ("title", "question", "context", "answer", "answer_start")
    columns = [[frame[name].show(row) for row in range(len(frame))] for name in names]
    generator, rows = np.random.default_rng(_SEED), list[list[str]]()
    for title, question, context, answer, start in zip(*columns, strict=True):
        sentences = sentences_of(str(context))
        draws = generator.permutation(len(sentences)).tolist()  # for every question of the file
        right = int(generator.integers(_COUNT))
        places = [
            place
            for place, (first, text) in enumerate(sentences)
            if answer and isinstance(start, float | int) and first <= start < first + len(text)
        ]
        texts = [text for _, text in sentences]
        if len(places) != 1 or len(set(texts)) != len(texts) or len(texts) < _COUNT:
            continue
        others = [place for place in draws if place != places[0]][: _COUNT - 1]
        order = [*others[:right], places[0], *others[right:]]
        rows.append([str(title), str(question), *(texts[place] for place in order), str(right)])
    titles = ("title", "question", *OPTIONS, "label")
    table = zip(titles, zip(*rows, strict=True), strict=True)
    return Reading(
        Frame(
            tuple(strings(name, list(texts)) for name, texts in table), origin="answer-sentences"
        ),
        answer="label",
        usual_task=_usual_task(),
    )


def sentences_of(text: str) -> list[tuple[int, str]]:
    """Returns the sentences of a text with the place of their first character."""
    return [(match.start(), match[0]) for match in _SENTENCE.finditer(text)]


def _usual_task() -> tuple[InferredOption, ...]:
    reason = "one of the sentences answers the question"
    return (
        InferredOption("input.text", ["question"], reason),
        InferredOption("input.split.group", "title", "the questions of an article stay together"),
        InferredOption("output.choice", "label", reason),
        InferredOption("output.options", list(OPTIONS), reason),
    )
