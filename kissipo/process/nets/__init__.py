"""Nets by name, one kind of net per file."""

# Nets that differ only in their sizes share a file; its `variant(name)` returns one.
VARIANTS = {
    "resnet": ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    "vgg": ("vgg11", "vgg13", "vgg16", "vgg19"),
}
