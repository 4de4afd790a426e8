"""XQuAD: 240 English paragraphs of Wikipedia, and 1,190 questions that they answer.

Each question is a query, and its paragraph is the right document.

Source:   Artetxe, Ruder and Yogatama, On the Cross-lingual Transferability of
          Monolingual Representations, ACL 2020: the English part, from SQuAD 1.1.
License:  CC BY-SA 4.0.
"""

import json

import numpy as np

from kissipo.core.errors import DataError
from kissipo.core.json_object import JsonObject
from kissipo.input.datasets.download import File, get
from kissipo.input.formats.documents import in_memory, with_queries
from kissipo.input.formats.files import read_bytes
from kissipo.input.source_data import Reading

SOURCES = ("text",)
DOCUMENTS = True
ABOUT = "240 paragraphs of Wikipedia, and 1,190 questions about them"
HOME = "https://github.com/google-deepmind/xquad"
LICENSE = "CC BY-SA 4.0"
FILE = File(
    "xquad.en.json",
    "https://raw.githubusercontent.com/google-deepmind/xquad/"
    "7d30520c717524000f0d9d2f9c10a069acd9d285/xquad.en.json",
    "e4c57d1c9143aaa1c5d265ba5987a65f4e69528d2a98f29d6e75019b10344f29",
)


def read() -> Reading:
    """Reads the paragraphs, named after their articles, and the questions."""
    path = get("squad-style", FILE)
    try:
        content: JsonObject = json.loads(read_bytes(path))
    except ValueError as error:
        raise DataError(
            f"{path} is damaged: {error}", do="Delete it and download it again"
        ) from None
    names, texts, queries, answers = [], [], [], []
    for article in content["data"]:
        for number, paragraph in enumerate(article["paragraphs"], 1):
            names.append(f"{article['title']}, paragraph {number}")
            texts.append(paragraph["context"])
            for question in paragraph["qas"]:
                queries.append(question["question"])
                answers.append(names[-1])
    frame, findings = in_memory(names, texts, "xquad")
    count, total = len(frame), len(frame) + len(queries)
    return Reading(
        with_queries(frame, queries, answers),
        tuple(findings),
        parts={"train": np.arange(count), "test": np.arange(count, total)},
        answer="document",
    )
