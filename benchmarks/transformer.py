"""How fast are the Transformers? kissipo beside torch and nanoGPT's recipe.

Question   1. Is a training step of translate-transformer 1.15 times as fast as that of
           torch as people write it? 2. Is writing with kept keys and values 4 times as
           fast as without? 3. What does nanoGPT's recipe for a CPU cost here and there,
           and which loss does it reach?
Peers      1. torch's TransformerEncoder and TransformerDecoder with the same weights, a
           DataLoader that shuffles and pads, cross_entropy over all steps, fused Adam.
           2. the same net; the decoder reads all tokens so far again for each new one.
           3. nanoGPT's block in plain torch: one projection for q, k and v, SDPA,
           random windows, AdamW, the gradient clipped.
Method     interleaved rounds in one process; processor time per step, medians. The
           losses of one batch must be equal (1), and so must the texts (2).
Run        python benchmarks/transformer.py [--rounds 5] [--steps 6] [--threads 1]
           [--gpt-steps 20] [--train 0]
           (KISSIPO_DATA with multi30k and tiny-shakespeare)
           --train 2000 trains both small GPTs for so many steps, with their losses.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from translate import our_steps, peer_steps, same_losses

from kissipo.codec.target_tokens import END
from kissipo.core.protocols import epoch_order
from kissipo.pipeline.experiment import Experiment, build_algorithm, build_experiment
from kissipo.process.layers.multi_head_attention import causal_mask
from kissipo.process.layers.positions import sinusoids
from kissipo.recipes.shakespeare_gpt import RECIPE as GPT
from kissipo.recipes.translate_transformer import RECIPE as TRANSLATE

SENTENCES, WRITTEN = 64, 20
Steps = dict[str, Iterator[float]]


class Translator(nn.Module):
    """The net of translate-transformer in torch's own modules."""

    def __init__(self, net: Any, words: Any) -> None:
        super().__init__()
        units, self.scale = words["units"], words["units"] ** 0.5
        shape = (units, words["num_heads"], words["feed_forward_units"], words["dropout"])
        count = words["num_layers"]
        self.source, self.target = (
            nn.Embedding(part.embedding.num_embeddings, units, padding_idx=0)
            for part in (net.source_tokens, net.target_tokens)
        )
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(*shape, batch_first=True), count
        )
        self.decoder = nn.TransformerDecoder(
            nn.TransformerDecoderLayer(*shape, batch_first=True), count
        )
        self.dropout, self.head = (
            nn.Dropout(words["dropout"]),
            nn.Linear(units, net.head.out_features),
        )
        self.register_buffer("table", sinusoids(100, units))

    def embedded(self, embedding: nn.Embedding, ids: Tensor) -> Tensor:
        x: Tensor = self.dropout(embedding(ids) * self.scale + self.table[: ids.shape[1]])
        return x

    def forward(self, source: Tensor, lengths: Tensor, previous: Tensor) -> Tensor:
        padding = source == 0
        memory = self.encoder(self.embedded(self.source, source), src_key_padding_mask=padding)
        mask = nn.Transformer.generate_square_subsequent_mask(previous.shape[1])
        x = self.decoder(
            self.embedded(self.target, previous),
            memory,
            tgt_mask=mask,
            memory_key_padding_mask=padding,
            tgt_is_causal=True,
        )
        logits: Tensor = self.head(x)
        return logits

    def load_state_dict(self, state: Any, *_: Any, **__: Any) -> Any:
        """Takes the weights of the net of kissipo."""
        ours = {}
        for name, value in state.items():
            name = name.replace("source_tokens.embedding", "source")
            name = name.replace("target_tokens.embedding", "target")
            parts = name.split(".")
            if parts[0] in ("encoder", "decoder"):
                name = ".".join([parts[0], "layers", parts[1], *_of_torch(parts[0], parts[2:])])
            ours[name] = value
        for name in [name for name in ours if ".query." in name]:
            three = [ours.pop(name.replace(".query.", f".{part}.")) for part in QKV]
            ours[name.replace(".query.", ".in_proj_")] = torch.cat(three)
        return super().load_state_dict({**ours, "table": self.table})


QKV = ("query", "key", "value")


def _of_torch(side: str, parts: list[str]) -> list[str]:
    """Returns torch's names of the parts of a layer."""
    last = "norm2" if side == "encoder" else "norm3"
    names = {
        "attention": "self_attn",
        "memory_attention": "multihead_attn",
        "attention_norm": "norm1",
        "memory_norm": "norm2",
        "feed_forward_norm": last,
        "output": "out_proj",
        "inner": "linear1",
        "outer": "linear2",
    }
    return [names.get(part, part) for part in parts if part != "feed_forward"]


class Block(nn.Module):
    """A block of nanoGPT."""

    def __init__(self, units: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = (nn.LayerNorm(units, bias=False) for _ in range(2))
        self.attn = nn.Linear(units, 3 * units, bias=False)
        self.proj = nn.Linear(units, units, bias=False)
        self.up = nn.Linear(units, 4 * units, bias=False)
        self.down = nn.Linear(4 * units, units, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, time_, units = x.shape
        q, k, v = (
            part.view(batch, time_, self.heads, -1).transpose(1, 2)
            for part in self.attn(self.ln_1(x)).split(units, dim=2)
        )
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).reshape(batch, time_, units))
        return x + self.down(functional.gelu(self.up(self.ln_2(x))))


class NanoGPT(nn.Module):
    """nanoGPT with the sizes of its recipe for a CPU; the head is tied."""

    def __init__(self, classes: int, units: int, layers: int, heads: int, window: int) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(classes, units), nn.Embedding(window, units)
        self.blocks = nn.Sequential(*(Block(units, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(units, bias=False)
        for name, weight in self.named_parameters():
            if weight.dim() > 1:
                scale = (2 * layers) ** -0.5 if name.endswith(("proj.weight", "down.weight")) else 1
                nn.init.normal_(weight, std=0.02 * scale)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.wte(ids) + self.wpe.weight[: ids.shape[1]]
        return functional.linear(self.norm(self.blocks(x)), self.wte.weight)


def nano_steps(net: NanoGPT, text: Tensor, window: int, batch: int, total: int) -> Iterator[float]:
    """Yields the losses of nanoGPT's loop: warmup 100, cosine from 1e-3 to 1e-4."""
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1, fused=True
    )
    for step in range(10**9):
        done = torch.tensor(min(1.0, step / max(1, total)))
        rate = 1e-4 + 0.5 * (1e-3 - 1e-4) * (1 + torch.cos(torch.pi * done))
        optimizer.param_groups[0]["lr"] = float(rate) * min(1.0, (step + 1) / 100)
        first = torch.randint(len(text) - window, (batch, 1)) + torch.arange(window + 1)
        ids = text[first]
        loss = functional.cross_entropy(net(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        yield loss.item()


def own_gpt_steps(experiment: Experiment, batch: int, total: int) -> Iterator[float]:
    """Yields the losses of kissipo's loop."""
    train = experiment.pipeline.datasets["train"]
    algorithm: Any = build_algorithm(experiment.resolved, experiment.pipeline, experiment.net)
    algorithm.total_steps = total
    algorithm.begin(train)
    generator = torch.Generator().manual_seed(0)
    while True:
        order = epoch_order(train, batch, generator)
        for some in order.split(batch):
            yield algorithm.step(train.batch(some))["loss"].item()


def without_cache(net: Any, source: Tensor) -> Tensor:
    """Writes greedily; the decoder reads all tokens so far again for each new one."""
    memory, memory_mask = net._read(source)
    tokens = torch.full((len(source), 1), END)
    for step in range(WRITTEN):
        x, mask = net.target_tokens(tokens), causal_mask(step + 1)
        for layer in net.decoder:
            x = layer(x, mask, memory, memory_mask)
        logits = net.head(net.norm(x[:, -1]))
        tokens = torch.cat([tokens, logits[:, END:].argmax(1, keepdim=True) + END], dim=1)
    return tokens[:, 1:]


def with_cache(net: Any, source: Tensor) -> Tensor:
    """Writes greedily with `step`."""
    state, tokens, written = net.begin(source), torch.full_like(source[:, 0], END), []
    for _ in range(WRITTEN):
        logits, state = net.step(tokens, state)
        tokens = logits[:, END:].argmax(dim=1) + END
        written.append(tokens)
    return torch.stack(written, dim=1)


def measured(peers: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Returns the median of the processor seconds of each peer, and prints a table."""
    times: dict[str, list[float]] = {name: [] for name in peers}
    for work in peers.values():
        work()
    for _ in range(rounds):
        for name, work in peers.items():
            began = time.process_time()
            work()
            times[name].append(time.process_time() - began)
    medians = {name: statistics.median(some) for name, some in times.items()}
    first = next(iter(medians.values()))
    for name, seconds in medians.items():
        print(f"  {name:32}{1000 * seconds:>10.1f} ms   {first / seconds:.2f}x")
    return medians


def several(steps: Iterator[float], count: int) -> Callable[[], object]:
    """Returns a function that takes so many steps."""
    return lambda: [next(steps) for _ in range(count)]


def translation(rounds: int, steps: int) -> None:
    """Compares the training step, then the writing of texts."""
    experiment = build_experiment(TRANSLATE.task)
    words, batch = TRANSLATE.task.process, TRANSLATE.task.input["batch_size"]
    net = Translator(experiment.net, words)
    same_losses(net, experiment)
    train: Any = experiment.pipeline.datasets["train"]
    peers = {
        "torch, DataLoader": peer_steps(net, experiment, batch),
        "kissipo": our_steps(experiment, train.for_training(), batch),
        "kissipo, no bucketing": our_steps(experiment, train, batch),
    }
    print(f"{steps} steps of {batch} sentences")
    measured({name: several(taken, steps) for name, taken in peers.items()}, rounds)
    own: Any = experiment.net.eval()
    (source,) = experiment.pipeline.datasets["test"].batch(slice(0, SENTENCES)).inputs
    with torch.inference_mode():
        assert torch.equal(without_cache(own, source), with_cache(own, source))
        print(f"{SENTENCES} sentences of {WRITTEN} tokens, greedy")
        measured(
            {
                "all tokens again": lambda: without_cache(own, source),
                "kept keys and values": lambda: with_cache(own, source),
            },
            rounds,
        )


def small_gpt(rounds: int, steps: int, train: int) -> None:
    """Compares nanoGPT's recipe with shakespeare-gpt."""
    experiment = build_experiment(GPT.task)
    words, batch = GPT.task.process, GPT.task.input["batch_size"]
    data = experiment.pipeline.datasets
    window = GPT.task.input["window"]
    classes = experiment.pipeline.codecs[0].spec.vocab_size
    nano = NanoGPT(classes, words["units"], words["num_layers"], words["num_heads"], window)
    text = data["train"].everything().inputs[0].flatten()
    peers: Steps = {
        "nanoGPT in plain torch": nano_steps(nano, text, window, batch, train or 1),
        "kissipo": own_gpt_steps(experiment, batch, train or 1),
    }
    sizes = [sum(w.numel() for w in net.parameters()) for net in (nano, experiment.net)]
    print(f"{steps} steps of {batch} windows of {window}; {sizes[0]:,} and {sizes[1]:,} parameters")
    if not train:
        measured({name: several(taken, steps) for name, taken in peers.items()}, rounds)
        return
    for (name, taken), net in zip(peers.items(), (nano, experiment.net), strict=True):
        began = time.process_time()
        for _ in range(train):
            next(taken)
        seconds = time.process_time() - began
        loss = mean_loss(net, data["test"].everything())
        print(f"  {name:32}{train} steps {seconds:.0f} s   {loss:.3f} nats on the last tenth")


def mean_loss(net: nn.Module, samples: Any) -> float:
    """Returns the mean loss over all windows."""
    net.eval()
    with torch.inference_mode():
        losses = [
            functional.cross_entropy(net(x).flatten(0, 1), y.flatten(), reduction="sum").item()
            for x, y in zip(
                samples.inputs[0].split(256), samples.targets[0].split(256), strict=True
            )
        ]
    return sum(losses) / samples.targets[0].numel()


def main() -> None:
    """Prints the medians and the ratios."""
    parser = argparse.ArgumentParser()
    defaults = {"rounds": 5, "steps": 6, "threads": 1, "gpt-steps": 20, "train": 0}
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    translation(options.rounds, options.steps)
    small_gpt(options.rounds, options.gpt_steps, options.train)


if __name__ == "__main__":
    main()
