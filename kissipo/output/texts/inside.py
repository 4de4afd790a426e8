"""Inside a written text: what the net knew at each token, where it looked, its beam.

A text is run along: the net gets the tokens of the text one by one, and says at each
how probable every token was. With the tokens of the target this is teacher forcing;
with its own it is the free run. Both are equal up to the first difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from kissipo.codec.target_tokens import END
from kissipo.codec.tokens import PADDING
from kissipo.core.attention_maps import attention_maps, heads_section, weights_of
from kissipo.core.description import Cell, Line, Record, Section, Table, Tree, TreeNode, Weights
from kissipo.core.protocols import SequenceDecoder
from kissipo.output.decode.beam_search import KeptBeginnings
from kissipo.output.texts.search import TextSearch

_SHOWN_BEAM = 3  # of a greedy run, whose own search has no branches
_MAX_ROWS = 60  # tokens of a table


@dataclass(frozen=True)
class Along:
    """What the net says along a text.

    tokens:   (time) the text, up to its end
    shares:   (time, class) log probabilities before each token
    encoder:  (head, source, source) by name: the attention of the source to itself
    reads:    (head, time, source) by name: the attention that reads the source
    writes:   (head, time, time) by name: the attention to the tokens before
    """

    tokens: list[int]
    shares: Tensor
    encoder: dict[str, Tensor]
    reads: dict[str, Tensor]
    writes: dict[str, Tensor]

    @property
    def weights(self) -> Tensor | None:
        """The mean (time, source) over all heads that read the source; None without
        any."""
        return torch.cat([*self.reads.values()]).mean(dim=0) if self.reads else None


def run_along(net: nn.Module, inputs: Sequence[Tensor], tokens: Sequence[int]) -> Along:
    """Lets the net read a source (batch of one), and gives it a text token by token."""
    decoder = cast(SequenceDecoder, net)
    text = _to_end(tokens)
    with attention_maps(net) as of_source:
        state = decoder.begin(*inputs)
    shares, last = [], END
    with attention_maps(net) as of_steps:
        for token in text:
            logits, state = decoder.step(torch.tensor([last], device=inputs[0].device), state)
            shares.append(logits[0, END:].log_softmax(dim=-1).cpu())
            last = token
    nothing = torch.zeros(len(text), END)
    widest = max((calls[0].shape[2] for calls in of_steps.values()), default=0)
    reads = {name for name, calls in of_steps.items() if _reads_source(calls, widest)}
    return Along(
        text,
        torch.cat([nothing - torch.inf, torch.stack(shares)], dim=1),
        {name: calls[0] for name, calls in of_source.items()},
        {name: torch.cat(of_steps[name], dim=1) for name in of_steps if name in reads},
        {name: _triangle(of_steps[name]) for name in of_steps if name not in reads},
    )


def _reads_source(calls: Sequence[Tensor], widest: int) -> bool:
    """Returns whether an attention always has all keys: those of the source.

    The tokens that are written become more with every step.
    """
    return {call.shape[2] for call in calls} == {widest}


def _triangle(calls: Sequence[Tensor]) -> Tensor:
    """Returns the weights (head, time, time) of all steps; later tokens are NaN."""
    return torch.cat(
        [pad(call, (0, len(calls) - call.shape[2]), value=torch.nan) for call in calls], dim=1
    )


def inside_sections(
    net: nn.Module,
    inputs: Sequence[Tensor],
    *,
    written: Sequence[int],
    target: Sequence[int],
    read: Sequence[str],
    names: Sequence[str],
) -> list[Section]:
    """Returns where a free run leaves its target, and where the net looked.

    written, target:  ids of tokens; the target is empty where it is not known
    read:             the tokens of the source
    names:            the tokens by id
    """
    free = run_along(net, inputs, written)
    forced = run_along(net, inputs, target) if len(target) else None
    maps = [_weights("the text of the net", free, read, names)]
    maps += (
        [] if forced is None else [_weights("the target, given to the net", forced, read, names)]
    )
    drawings = [Section(item.name, [item]) for item in maps if item is not None]
    sections = [] if forced is None else [_differences(free, forced, names)]
    if drawings:
        heads = sum(len(weights) for weights in free.reads.values())
        text = "A row is a written token: how strongly each token of the source counted for it"
        text += f", the mean over {heads} heads." if heads > 1 else "."
        parts = Section("", drawings, side_by_side=True)
        sections.append(Section("Alignment", [Line(text, "dim"), parts]))
    return [*sections, *_heads(free, read, names)]


def _heads(along: Along, read: Sequence[str], names: Sequence[str]) -> list[Section]:
    """Returns every head of a net with several; one head is the alignment itself."""
    if sum(len(weights) for weights in along.reads.values()) < 2:
        return []
    written = [names[token] for token in along.tokens]
    before = ["(start)", *written[:-1]]
    sections = [
        *(heads_section(name, part, read, read) for name, part in along.encoder.items()),
        *(heads_section(name, part, before, before) for name, part in along.writes.items()),
        *(
            heads_section(name, part, written, read, column_name="source")
            for name, part in along.reads.items()
        ),
    ]
    text = (
        "Every head of every layer, for the text of the net: how the tokens of the source read "
        "each other, how each token reads those before it (later tokens are hidden: a dot, or "
        "gray), and how each written token reads the source."
    )
    return [Section("Attention heads", [Line(text, "dim"), *sections])]


def search_section(
    net: nn.Module,
    inputs: Sequence[Tensor],
    search: TextSearch,
    *,
    length: int,
    names: Sequence[str],
    joiner: str,
) -> Section:
    """Returns the beginnings that the search kept, as a tree, and its texts.

    A run without a beam shows that of another search, and says so.
    """
    own = search.beam > 1
    beam_search = search if own else TextSearch(beam=_SHOWN_BEAM)
    steps: list[KeptBeginnings] = []
    tokens, shares = beam_search.run(
        cast(SequenceDecoder, net), inputs, length=length, watch=steps.append
    )
    tree = beam_tree(steps, names, joiner)
    intro = (
        f"Each step keeps {beam_search.beam} beginnings. The number at a token is the log "
        "probability of the beginning; a branch that ends in a dropped beginning is dead."
    )
    if not own:
        intro += f" This run does not use it: its text is {search.describe()}."
    rows = []
    for text, share in zip(tokens[0].tolist(), shares[0], strict=True):
        total = float(share.sum())
        if total > -torch.inf:
            words = joiner.join(names[token] for token in text if token not in (PADDING, END))
            rows.append([words.strip(), f"{total:.3f}", f"{float(share.sum().exp()):.3g}"])
    table = Table(["text", "log p", "p"], rows, numbers=(1, 2))
    return Section("Beam search", [Line(intro, "dim"), tree, table])


def beam_tree(steps: Sequence[KeptBeginnings], names: Sequence[str], joiner: str) -> Tree:
    """Returns the tree of the first sample of a search."""
    nodes: list[TreeNode] = []
    current: list[int] = [-1] * steps[0].tokens.shape[1]
    for number, step in enumerate(steps):
        rows = zip(*(part[0].tolist() for part in vars(step).values()), strict=True)
        before, current = current, [-1] * len(current)
        for place, (parent, token, share, score) in enumerate(rows):
            if score == -torch.inf:
                continue
            if token == PADDING:  # the text had ended
                current[place] = before[parent]
                continue
            above = nodes[before[parent]].total if before[parent] >= 0 else 0.0
            current[place] = len(nodes)
            nodes.append(
                TreeNode(
                    before[parent],
                    number,
                    place,
                    names[token],
                    share,
                    above + share,
                    score,
                    "dropped",
                    ends=token == END,
                )
            )
    return Tree("beam search", _with_states(nodes, current), joiner)


def _with_states(nodes: Sequence[TreeNode], ends: Sequence[int]) -> list[TreeNode]:
    """Marks the nodes of the best text, and of the others that are kept at the end."""
    states = dict.fromkeys(range(len(nodes)), "dropped")
    for place in reversed(range(len(ends))):
        number = ends[place]
        while number >= 0:
            states[number] = "kept" if place else "best"
            number = nodes[number].parent
    return [
        TreeNode(**{**vars(node), "state": states[number]}) for number, node in enumerate(nodes)
    ]


def _differences(free: Along, forced: Along, names: Sequence[str]) -> Section:
    """Returns the target token by token beside the text, and their first difference."""
    pairs = zip(free.tokens, forced.tokens, strict=False)
    first = next((step for step, (one, other) in enumerate(pairs) if one != other), None)
    if first is None and len(free.tokens) != len(forced.tokens):
        first = min(len(free.tokens), len(forced.tokens))
    rows = []
    for step, token in enumerate(forced.tokens[:_MAX_ROWS]):
        guess = int(forced.shares[step].argmax())
        written = names[free.tokens[step]] if step < len(free.tokens) else ""
        style = "bad" if step == first else "dim" if first is not None and step > first else "good"
        rows.append(
            [
                str(step + 1),
                names[token],
                f"{float(forced.shares[step, token].exp()):.3f}",
                names[guess] if guess == token else Cell(names[guess], "warn"),
                f"{float(forced.shares[step, guess].exp()):.3f}",
                Cell(written, style),
            ]
        )
    titles = ["step", "target", "p(target)", "most probable after the target so far", "p"]
    titles.append("text of the net")
    records: list[Record] = [
        Line(_first_sentence(first, free, forced, names)),
        Table(titles, rows, numbers=(0, 2, 4)),
    ]
    return Section("Free run and teacher forcing", records)


def _first_sentence(first: int | None, free: Along, forced: Along, names: Sequence[str]) -> str:
    if first is None:
        return "The text of the net is the target: the free run and teacher forcing are the same."
    if first >= min(len(free.tokens), len(forced.tokens)):
        return f"The texts are equal for {first} tokens; one of them is longer."
    wanted, written = forced.tokens[first], free.tokens[first]
    chances = [float(forced.shares[first, token].exp()) for token in (written, wanted)]
    return (
        f"The first difference is at token {first + 1}: the net writes "
        f"'{names[written]}' (p {chances[0]:.3f}), the target has '{names[wanted]}' "
        f"(p {chances[1]:.3f}). From there on the net continues its own text."
    )


def _weights(name: str, along: Along, read: Sequence[str], names: Sequence[str]) -> Weights | None:
    if along.weights is None:
        return None
    rows, columns = [names[token] for token in along.tokens], read[: along.weights.shape[1]]
    return weights_of(name, along.weights, rows, columns, row_name="written", column_name="source")


def _to_end(tokens: Sequence[int]) -> list[int]:
    """Returns the tokens up to the end of the text, and that."""
    text: list[int] = []
    for token in tokens:
        if token == PADDING:
            break
        text.append(token)
        if token == END:
            break
    return text or [END]
