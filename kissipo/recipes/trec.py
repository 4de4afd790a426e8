"""TREC (S28): what kind of answer a question asks for, with Kim's text CNN.

Input     5,452 questions, truncated or padded to 25 words; one id per word; the 500
          test questions are those of the authors
Process   an embedding of 128 per word, 100 filters over each 3, 4 and 5 words, the
          maximum of each filter over the question, relu, dropout of a half
Output    one of six kinds of answers; baselines: TF-IDF with a linear SVM and with
          logistic regression, majority class

Command   kissipo fit trec                 evaluates 500 questions
          kissipo xray RUN "Who was the first man on the moon ?"
                                           the n-grams that won, in the question
          kissipo compare trec --vary process.kernel_sizes=[1],[3],[3,4,5]
                                           what the widths of the filters add
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"table": "trec", "text": "question", "batch_size": 50},
        process={
            "net": "text_cnn",
            "embedding_dim": 128,
            "kernel_sizes": [3, 4, 5],
            "filters": 100,
            "dropout": 0.5,
            "epochs": 8,
        },
        output={"category": "kind", "baselines": ["majority", "tfidf_logistic", "tfidf_svm"]},
    ),
    system="S28",
    data="5,952 questions",
    metric="accuracy",
    band=(0.855, 0.925),
    expected=(
        "87.6-90.4 % correct over three seeds, 89.4 % on average; TF-IDF with a linear SVM "
        "88.3 %; Kim reports 91.2 %. With 500 questions, 2.7 points either way are chance"
    ),
    seconds=35,
    look="what the filters look for; the n-grams that won a question, in its x-ray",
    differs=(
        "Kim's vectors have 300 numbers, his words keep their capitals, the norm of his "
        "weights is limited, and Adadelta trains them"
    ),
)
