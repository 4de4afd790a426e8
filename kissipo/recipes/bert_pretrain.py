"""BERT, pre-trained (S35): a net learns English by guessing words that are hidden.

Input     the texts of twelve English data sets, 4.5 million words; 8,000 word pieces;
          pairs of up to 64 pieces, in half of which B follows A
Process   BERT with 2 layers of 256 units; four of ten pieces are chosen in a step, 80%
          of them hidden, 10% replaced; three passes over the corpus
Output    the piece behind [MASK], and whether B follows A; baselines: the most frequent
          piece, and trigrams of the neighbors

Command   kissipo fit bert-pretrain
          kissipo fit bert-pretrain input.text=corpus/     your own texts
          kissipo fit bert-pretrain next_sentence=false    masked words alone
          kissipo predict runs/bert-pretrain-1 "who was jim [MASK] ?"
          kissipo predict runs/bert-pretrain-1
              "[CLS] who was jim henson ? [SEP] jim [MASK] was a puppeteer [SEP]"
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={
            "text": "english-texts",
            "tokenizer": "wordpieces",
            "vocab_size": 8000,
            "max_length": 64,
            "batch_size": 64,
            "split": {"test": 0.02, "validation": 0.02},
        },
        process={
            "net": "bert",
            "num_layers": 2,
            "units": 256,
            "num_heads": 4,
            "dropout": 0.0,
            "algorithm": "masked_text",
            "mask_probability": 0.4,
            "optimizer": "adamw",
            "learning_rate": 1e-3,
            "schedule": "cosine",
            "warmup": 0.06,
            "clip_norm": 1.0,
            "precision": "bfloat16",
            "epochs": 3,
        },
        output={"text": "masked"},
    ),
    system="S35",
    data="4.5 million words of English texts",
    metric="masked_accuracy",
    band=(0.2, 0.4),
    expected=(
        "27.0 % of the masked pieces (46.5 % among five guesses) and 84.6 % of the pairs; the most "
        "frequent piece has 3.8 %, trigrams of the neighbors 28.4 %"
    ),
    seconds=1600,
    look="the guesses that get better; what is hidden in a step; which pairs are recognized",
    differs="4.5 million words instead of 3.3 billion, 2 layers instead of 12, short texts",
)
