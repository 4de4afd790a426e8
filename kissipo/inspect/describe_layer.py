"""The description of a layer in a few words: its kind and its sizes."""

from __future__ import annotations

from torch import nn

from kissipo.core.finding import counted


def describe_layer(layer: nn.Module) -> str:
    """What a layer does, in a few words."""
    if hasattr(layer, "DESCRIPTION"):
        return str(layer.DESCRIPTION)
    kind = type(layer).__name__
    if isinstance(layer, nn.Linear):
        return f"linear {layer.in_features} -> {layer.out_features}" + (
            "" if layer.bias is not None else ", no bias"
        )
    if isinstance(layer, nn.Conv2d):
        size = "x".join(str(side) for side in layer.kernel_size)
        padding = layer.padding if isinstance(layer.padding, str) else layer.padding[0]
        return f"{counted(layer.out_channels, 'filter')} of {size}, padding {padding}, stride {layer.stride[0]}"
    if isinstance(layer, nn.ConvTranspose2d):
        size = "x".join(str(side) for side in layer.kernel_size)
        return f"{counted(layer.out_channels, 'filter')} of {size}, each place becomes {size}"
    if isinstance(layer, nn.RNNBase):
        layers = f", {layer.num_layers} layers" if layer.num_layers > 1 else ""
        ways = ", both directions" if layer.bidirectional else ""
        kernel = f" ({layer.used})" if getattr(layer, "used", "") else ""
        return (
            f"{layer.mode.split('_')[0].lower()} of {layer.hidden_size} units{layers}{ways}{kernel}"
        )
    if isinstance(layer, nn.MultiheadAttention):
        return f"attention of {counted(layer.num_heads, 'head')} over {counted(layer.embed_dim, 'feature')}"
    if isinstance(layer, nn.Embedding):
        return f"embedding of {layer.num_embeddings} ids in {layer.embedding_dim} features"
    if isinstance(layer, nn.MaxPool2d):
        stride = f", stride {layer.stride}" if layer.stride != layer.kernel_size else ""
        return f"greatest of each {layer.kernel_size}x{layer.kernel_size}{stride}"
    if isinstance(layer, nn.AdaptiveAvgPool2d):
        return (
            "mean of all places"
            if layer.output_size == 1
            else f"means of {layer.output_size}x{layer.output_size} parts"
        )
    if isinstance(layer, nn.LocalResponseNorm):
        return f"local response normalization over {layer.size} channels"
    if isinstance(layer, nn.Dropout):
        return f"dropout {layer.p:g} (only while learning)"
    return kind.lower()
