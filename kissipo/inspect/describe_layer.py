"""The description of a layer: its kind and its sizes."""

from __future__ import annotations

from torch import nn

from kissipo.core.finding import counted


def describe_layer(layer: nn.Module) -> str:
    """Returns a short description of a layer, such as `max pooling 2x2`."""
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
        filters = counted(layer.out_channels, "filter")
        return f"{filters} of {size}, padding {padding}, stride {layer.stride[0]}"
    if isinstance(layer, nn.ConvTranspose2d):
        size = "x".join(str(side) for side in layer.kernel_size)
        return f"transposed convolution, {counted(layer.out_channels, 'filter')} of {size}"
    if isinstance(layer, nn.RNNBase):
        layers = f", {layer.num_layers} layers" if layer.num_layers > 1 else ""
        directions = ", bidirectional" if layer.bidirectional else ""
        cell = layer.mode.split("_")[0].lower()
        return f"{cell} of {layer.hidden_size} units{layers}{directions}"
    if isinstance(layer, nn.MultiheadAttention):
        heads, features = counted(layer.num_heads, "head"), counted(layer.embed_dim, "feature")
        return f"attention of {heads} over {features}"
    if isinstance(layer, nn.Embedding):
        return f"embedding of {layer.num_embeddings} ids in {layer.embedding_dim} features"
    if isinstance(layer, nn.MaxPool2d):
        stride = f", stride {layer.stride}" if layer.stride != layer.kernel_size else ""
        return f"max pooling {layer.kernel_size}x{layer.kernel_size}{stride}"
    if isinstance(layer, nn.AdaptiveAvgPool1d) and layer.output_size == 1:
        return "mean over all steps"
    if isinstance(layer, nn.AdaptiveAvgPool2d):
        side = layer.output_size
        return "global average pooling" if side == 1 else f"average pooling to {side}x{side}"
    if isinstance(layer, nn.LayerNorm):
        return "layer normalization"
    if isinstance(layer, nn.LocalResponseNorm):
        return f"local response normalization over {layer.size} channels"
    if isinstance(layer, nn.Dropout):
        return f"dropout {layer.p:g} (training only)"
    return kind.lower()
