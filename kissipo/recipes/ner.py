"""Names (S35): the names in posts of social media, with a tag for every word.

Input     the posts of WNUT 2017: 3,394 for training, 1,009 for validation, 1,287 for
          the test; of each word its form, first letter, ending and shape
Process   an embedding of 50 per word, an LSTM in both directions, a tag per word; the
          epoch with the best entity F1 of the validation split
Output    names of six kinds; entity F1 strict and lenient; baselines: the names of the
          training posts, found again, and no names

Command   kissipo fit ner                   evaluates 1,287 posts
          kissipo predict RUN "Anna flew from Taipei to New York"
          kissipo xray RUN "Anna flew to Taipei"      the tags of each word
          kissipo fit ner process.net=bert process.weights=FOLDER process.epochs=4
              process.learning_rate=5e-5    fine-tunes a published BERT or MiniLM
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"table": "wnut17", "batch_size": 32},
        process={
            "net": "recurrent",
            "units": 64,
            "learning_rate": 0.003,
            "epochs": 12,
        },
        output={"tags": "tags"},
    ),
    system="S35",
    data="5,690 posts with 3,890 names",
    metric="entity_f1",
    band=(0.12, 0.22),
    expected=(
        "entity F1 0.16 to 0.17, the gazetteer 0.03: no name of the test posts stands in the "
        "training posts in the same spelling; a published MiniLM has 0.34 after two epochs, "
        "the best system of the shared task 0.42"
    ),
    seconds=25,
    look="the right, absent and false names of the posts; the F1 of each kind",
    differs="the systems of the task read word vectors and gazetteers of other texts",
)
