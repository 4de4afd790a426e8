"""word2vec (S32): similar words have similar vectors, learned from plain text.

Input     the texts of twelve English data sets, 4.2 million words; words that occur
          fewer than 5 times are left out
Process   skip-gram with 5 negatives per window, 100 numbers per word, a context of up
          to 5 words on each side, 5 epochs
Output    the nearest words, the similarity of two words, analogies; Spearman's
          correlation with the ratings of people (WordSim-353, SimLex-999) and the
          share of right analogies; baseline: PPMI + SVD

Command   kissipo fit word2vec                       skip-gram with negative sampling
          kissipo fit word2vec model=cbow            the mean of the context predicts
          kissipo fit word2vec negative=0            hierarchical softmax
          kissipo fit word2vec num_threads=2         faster, and not repeated exactly
          kissipo predict runs/word2vec-1 king "king - man + woman" "king queen"
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={
            "text": "english-texts",
            "questions": "word-similarity",
            "min_count": 5,
        },
        process={
            "net": "word_vectors",
            "model": "skipgram",
            "negative": 5,
            "embedding_dim": 100,
            "epochs": 5,
        },
        output={"vectors": "words"},
    ),
    system="S32",
    data="4.2 million words of English texts",
    metric="spearman",
    band=(0.32, 0.42),
    expected="Spearman of 0.48 on WordSim-353 and 0.23 on SimLex-999; king - man + woman is queen",
    seconds=75,
    look="the nearest words of frequent words; the map; the drawn negatives of a window",
    differs="4.2 million words instead of billions, so analogies are hardly learned",
)
