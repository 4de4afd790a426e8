"""Published weights, one set per file: where they are found, and the names here.

Nothing is downloaded: the weights are read from an installed package, or from a file.

ABOUT, HOME, LICENSE          what a person reads
PACKAGE, VERSION, FILE        the package of the weights, and the file in it
SHA256                        of that file
BESIDE                        other files in the package that are needed, each with its
                              SHA-256; none by default
FORM                          run: it predicts as it is; folder, or weights in one
                              file: what `process.weights` takes
NEXT                          commands to type next; {path} is the new folder or file
read(content)                 the tensors of the file by their published names

Weights in one file also have

NET                           the net, whose `ours` maps the names

A run also has

PROCESS                       the options of the net
SOURCE, TARGET                the columns
DATA                          on which the weights were trained
INPUT, OUTPUT                 the codecs of the source and of the target, as saved
rename(tensors)               the tensors by the names of the net; each with its origin
"""

# Sets that differ only in their sizes share a file; its `variant(name)` returns one.
VARIANTS = {
    "efficientnet_lite": ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"),
}
