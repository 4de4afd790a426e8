"""Question answering (S35, S49): words of a paragraph that answer a question.

Input     7,938 questions about 1,581 paragraphs of 48 articles, split by article; the
          question and its paragraph as 128 word pieces of one text
Process   BERT with a single layer, trained from scratch; every piece gets a logit for
          the start of the answer, and one for its end
Output    the most probable span of at most 30 pieces; exact match and F1 over all
          accepted answers; baseline: the sentence most like the question

Command   kissipo fit question-answering      evaluates about 800 questions
          kissipo predict RUN '{"question": "Who ...?", "context": "..."}'
                                              the answer, and the next best ones
          kissipo fit question-answering process.weights=minilm
                  input.max_length=256 input.batch_size=16 epochs=1
                  process.learning_rate=1e-4 process.precision=bfloat16
                                              fine-tunes a published BERT or MiniLM
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={
            "table": "squad-new-wiki",
            "text": ["question", "context"],
            "tokenizer": "wordpieces",
            "max_length": 128,
            "split": {"group": "title", "test": 0.1},
            "batch_size": 64,
        },
        process={
            "net": "bert",
            "num_layers": 1,
            "units": 64,
            "learning_rate": 1e-3,
            "epochs": 1,
        },
        output={"span": "answer"},
    ),
    system="S35",
    data="7,938 questions",
    metric="f1",
    band=(0.08, 0.2),
    expected=(
        "F1 13 % in one run, exact match 3 %: from scratch, 6,300 questions teach a net where "
        "short answers stand, not to read; the best sentence has 21 %. A published MiniLM reaches "
        "61 % in one epoch at 256 pieces; BERT-large, fine-tuned on SQuAD, 90.8 % of all of them"
    ),
    seconds=30,
    look="the paragraphs with the marked answers; starts and ends, in the x-ray of a question",
    differs=(
        "BERT is pre-trained and reads 384 pieces; here nothing is pre-trained, and a third of "
        "the answers lie behind the 128 pieces that are read"
    ),
)
