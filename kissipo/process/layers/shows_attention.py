"""A net that reads a text with self-attention shows every head of an example.

It runs the sample, and takes what the softmax of each attention returns
(`core/attention_maps.py`).

Example:  >>> import torch
          >>> from kissipo.process.layers.transformer_layer import TransformerLayer
          >>> class Net(ShowsSelfAttention):
          ...     def __init__(self):
          ...         super().__init__()
          ...         self.tokens = nn.Embedding(5, 4)
          ...         self.layer = TransformerLayer(4, 2, feed_forward_units=4)
          ...     def forward(self, ids):
          ...         return self.layer(self.tokens(ids))
          >>> word = TensorSpec("word", ("time",), (2,), 5, labels=tuple("abcde"))
          >>> ids = torch.tensor([[1, 3]])
          >>> (section,) = Net().describe_example((ids,), [word], [], [[]])
          >>> layer = section.content[1]
          >>> layer.title, [head.title for head in layer.content[0].content]
          ('layer.attention', ['head 1', 'head 2'])
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from kissipo.core.attention_maps import self_attention
from kissipo.core.description import Section
from kissipo.core.tensor_spec import TensorSpec


class ShowsSelfAttention(nn.Module):
    """A net that shows how the tokens of a text read each other.

    text_input:  the place of the text among the inputs
    """

    text_input = 0

    def describe_example(
        self,
        samples: tuple[Tensor, ...],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        tokens: Sequence[Sequence[str]],
    ) -> Sequence[Section]:
        """Returns every attention head for a sample, with tokens at both axes."""
        ids, spec = samples[self.text_input][0], inputs[self.text_input]
        count = int((ids != 0).sum()) if spec.padded else len(ids)
        words = list(tokens[self.text_input][:count])
        if len(words) < count:
            words = [spec.labels[number] if spec.labels else str(number) for number in ids.tolist()]
        return [self_attention(self, samples, words[: max(1, count)])]

    def describe_samples(
        self,
        batches: Iterable[tuple[Tensor, ...]],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
    ) -> Sequence[Section]:
        """Returns nothing: heads are shown text by text."""
        return ()
