"""Published weights, one set per file: where they are found, and the names here.

Nothing is downloaded: the weights are read from an installed package, or from a file.

ABOUT, HOME, LICENSE          what a person reads
PACKAGE, VERSION, FILE        the package of the weights, and the file in it
SHA256                        of that file
BESIDE                        other files in the package that are needed, each with its
                              SHA-256; none by default
FORM                          run: it predicts as it is; folder: `process.weights` takes
                              it
NEXT                          commands to type next; {folder} is the new folder
read(content)                 the tensors of the file by their published names

A run also has

PROCESS                       the options of the net
SOURCE, TARGET                the columns
DATA                          on which the weights were trained
INPUT, OUTPUT                 the codecs of the source and of the target, as saved
rename(tensors)               the tensors by the names of the net; each with its origin
"""
