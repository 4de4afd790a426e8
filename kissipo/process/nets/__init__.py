"""Layers under a known name, one kind of net a file."""

# Nets that differ in their figures alone share a file, whose `variant(name)` gives each.
VARIANTS = {
    "resnet": ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    "vgg": ("vgg11", "vgg13", "vgg16", "vgg19"),
}
