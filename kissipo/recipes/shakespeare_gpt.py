"""Next character with a small GPT (S34): a Transformer's decoder reads Shakespeare.

Input     1,115,394 characters of his plays in windows of 64; the last tenth is the test
          split
Process   4 layers of 4 attention heads, 128 features per character and learned
          positions; the mask of each head hides the characters that are still to come
Output    the next character, beside pairs of characters; and generated text

Command   kissipo fit shakespeare-gpt
          kissipo generate runs/shakespeare-gpt-1 --start "ROMEO:"
          kissipo fit shakespeare-gpt process.net=recurrent     the same with an LSTM
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={
            "text": "tiny-shakespeare",
            "tokenizer": "characters",
            "window": 64,
            "batch_size": 12,
            "split": {"test": 0.1, "validation": 0.05},
        },
        process={
            "net": "transformer",
            "units": 128,
            "num_layers": 4,
            "num_heads": 4,
            "positions": "learned",
            "norm_first": True,
            "activation": "gelu",
            "optimizer": "adamw",
            "weight_decay": 0.1,
            "learning_rate": 0.001,
            "schedule": "cosine",
            "warmup": 0.05,
            "clip_norm": 1.0,
            "epochs": 2,
        },
        output={"text": "next"},
    ),
    system="S34",
    data="tiny Shakespeare, 1,115,394 characters",
    metric="nll",
    band=(1.6, 1.96),
    expected="1.92 nats per character on the last tenth, 1.80 on the validation split; pairs of "
    "characters 2.50",
    seconds=170,
    look="generated text; in `kissipo xray RUN`, where each head looks back",
    differs="GPT reads words of the web, with 12 layers of 768 features and 512 tokens",
)
