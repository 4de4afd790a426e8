"""Published weights, one set per file: where they are found, and the names here.

Nothing is downloaded: the weights are read from an installed package, or from a file.

ABOUT, HOME, LICENSE          what a person reads
PACKAGE, VERSION, FILE        the package of the weights, and the file in it
SHA256                        of that file
PROCESS                       the options of the net
SOURCE, TARGET, EXAMPLE       the columns, and a value to predict
DATA                          on which the weights were trained
INPUT, OUTPUT                 the codecs of the source and of the target, as saved
read(content)                 the tensors of the file by their published names
rename(tensors)               the same by the names of the net; each with its origin
"""
