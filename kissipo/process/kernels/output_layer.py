"""The cross-entropy of an output layer with many classes, a few rows at a time.

loss = sum over rows of scale · -log q[target],  q = softmax(W h + b)
with label smoothing s: (1 - s) of it, and s times the mean of -log q over the classes

The logits of all rows together are never in memory: a chunk of rows gives its loss and
its gradients (softmax - target) while it is in the cache of the processor. The formula
is that of torch.nn.functional.cross_entropy of torch.nn.functional.linear; only the
order of additions differs.

Shapes:   h (row, feature), weight (class, feature), bias (class), targets (row), scale
          (row) -> a scalar
Choices:  The gradient is computed with the loss and multiplied later; a second
          derivative is not available.
Example:  >>> h, weight, bias = torch.ones(1, 2), torch.zeros(4, 2), torch.zeros(4)
          >>> loss = cross_entropy(h, weight, bias, torch.tensor([3]), torch.ones(1))
          >>> round(loss.item(), 4)
          1.3863
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from kissipo.process.kernels.autograd_context import AutogradContext

CHUNK = 256  # rows whose logits are in memory at the same time


def cross_entropy(
    h: Tensor,
    weight: Tensor,
    bias: Tensor,
    targets: Tensor,
    scale: Tensor,
    *,
    smoothing: float = 0.0,
) -> Tensor:
    """Returns the sum of the scaled cross-entropies of all rows."""
    loss: Tensor = _CrossEntropy.apply(h, weight, bias, targets, scale, smoothing)
    return loss


class _CrossEntropy(torch.autograd.Function):
    """Computes the gradients in the forward pass."""

    @staticmethod
    def forward(
        ctx: AutogradContext,
        h: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        scale: Tensor,
        smoothing: float,
    ) -> Tensor:
        needs_gradients = any(ctx.needs_input_grad[:3])
        d_h, d_weight, d_bias = (torch.zeros_like(x) for x in (h, weight, bias))
        total = torch.zeros((), dtype=scale.dtype, device=h.device)
        for rows in torch.arange(len(h), device=h.device).split(CHUNK):
            some = slice(int(rows[0]), int(rows[-1]) + 1)
            loss, d_logits = _chunk(h[some], weight, bias, targets[some], scale[some], smoothing)
            total += loss
            if needs_gradients:
                d_h[some] = d_logits @ weight
                d_weight.addmm_(d_logits.T, h[some])
                d_bias += d_logits.sum(dim=0)
        if needs_gradients:
            ctx.save_for_backward(d_h, d_weight, d_bias)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: AutogradContext, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return (*(saved * gradient for saved in ctx.saved_tensors), None, None, None)


def _chunk(
    h: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, scale: Tensor, smoothing: float
) -> tuple[Tensor, Tensor]:
    """Returns the loss of some rows, and its gradient with respect to the logits."""
    logits = torch.addmm(bias, h, weight.T).to(scale.dtype)  # of bfloat16
    logits -= logits.amax(dim=1, keepdim=True)
    target = targets.unsqueeze(1)
    right = logits.gather(1, target).squeeze(1)
    mean = logits.mean(dim=1) if smoothing else right
    p = logits.exp_()
    sums = p.sum(dim=1)
    loss = (scale * (sums.log() - (1 - smoothing) * right - smoothing * mean)).sum()
    p *= (scale / sums).unsqueeze(1)
    if smoothing:
        p -= (scale * smoothing / p.shape[1]).unsqueeze(1)
    p.scatter_add_(1, target, ((smoothing - 1) * scale).unsqueeze(1))
    return loss, p
