"""Buffers whose sizes the training sets, such as the number of units, rules or nodes.

Example:  >>> import torch
          >>> net, saved = ResizedBuffers(), {"places": torch.ones(3, 2)}
          >>> net.register_buffer("places", torch.zeros(0, 2))
          >>> net.load_state_dict(saved)
          <All keys matched successfully>
          >>> net.places.shape
          torch.Size([3, 2])
"""

import torch
from torch import Tensor, nn


class ResizedBuffers(nn.Module):
    """A module whose buffers have as many rows as there are samples, units or nodes.

    A saved state sets their sizes.
    """

    def _load_from_state_dict(
        self, state_dict: dict[str, Tensor], prefix: str, *arguments: object
    ) -> None:
        for name, buffer in list(self.named_buffers(recurse=False)):
            saved = state_dict.get(prefix + name)
            if saved is not None and saved.shape != buffer.shape:
                setattr(self, name, torch.empty_like(saved))
        super()._load_from_state_dict(state_dict, prefix, *arguments)
