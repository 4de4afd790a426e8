"""Search for the paragraph that answers a question (S31).

240 paragraphs of Wikipedia are weighed by TF-IDF: a term counts more the rarer it is
among the paragraphs. A question is answered with the paragraphs whose weights have the
largest cosine with its own. Nothing is trained: one pass over the paragraphs solves it.

Input     240 paragraphs of 48 articles; words of two letters or more, in lower case,
          without the most common English words
Process   (1 + ln count) · idf, divided by its length: the weights of scikit-learn's
          TfidfVectorizer
Output    the nearest paragraphs, and which terms make each cosine; the test are 1,190
          questions whose paragraph is known. Baselines: scikit-learn's own defaults,
          the cosine of term counts, which shows what IDF adds, and a random order

Command   kissipo fit search             evaluates 1,190 questions
          kissipo predict RUN "Who won the Super Bowl?"
                                         the five nearest paragraphs
          kissipo compare search --vary process.net=tf_idf,lsa
                                         latent semantic analysis on 100 axes beside it
          kissipo fit xquad process.weights=FOLDER
                                         the same questions by meaning, with a published
                                         MiniLM (kissipo data get weights:minilm)
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"text": "xquad", "stop_words": ["english"]},
        process={"net": "tf_idf", "sublinear_tf": True},
        output={"vectors": "documents"},
    ),
    system="S31",
    data="240 paragraphs, 1,190 questions",
    metric="hit_at_1",
    band=(0.89, 0.92),
    expected="the right paragraph is first for 90 % of the questions; LSA 87 %, chance 0.4 %",
    seconds=3,
    look="the terms of each cosine; questions whose words stand in another paragraph, too",
    differs="the lectures take count / length · log(N / df): process.term_frequency=relative "
    "smooth_idf=false idf_offset=0",
)
