"""BERT, pre-trained (S35): a net learns English by guessing words that are hidden.

Input     the texts of twelve English data sets, 4.5 million words; 8,000 word pieces;
          pairs of up to 64 pieces, in half of which B follows A
Process   BERT with 4 layers of 256 units; a quarter of the pieces are chosen in a step,
          80% of them hidden, 10% replaced; one pass over the corpus
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
            "batch_size": 16,
            "split": {"test": 0.02, "validation": 0.02},
        },
        process={
            "net": "bert",
            "num_layers": 4,
            "units": 256,
            "num_heads": 4,
            "dropout": 0.0,
            "algorithm": "masked_text",
            "mask_probability": 0.25,
            "optimizer": "adamw",
            "learning_rate": 8e-4,
            "schedule": "cosine",
            "warmup": 0.06,
            "clip_norm": 1.0,
            "precision": "bfloat16",
            "epochs": 1,
        },
        output={"text": "masked"},
    ),
    system="S35",
    data="4.5 million words of English texts",
    metric="masked_accuracy",
    band=(0.05, 0.4),
    expected=(
        "78.7 % of the pairs, but 6.8 % of the masked pieces (nll 6.57): the most frequent piece "
        "has 3.8 %, trigrams 28.3 %; one pass hides too few pieces"
    ),
    seconds=1000,
    look="the guesses that get better; what is hidden in a step; which pairs are recognized",
    differs="4.5 million words instead of 3.3 billion, 4 layers instead of 12, short texts",
)
