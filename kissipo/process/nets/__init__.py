"""Nets by name, one kind of net per file."""

# Nets that differ only in their sizes share a file; its `variant(name)` returns one.
VARIANTS = {
    "efficientnet_lite": ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"),
    "resnet": ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    "vgg": ("vgg11", "vgg13", "vgg16", "vgg19"),
}
