"""Iris: 150 flowers of three species, four lengths in centimeters each.

Source:   Fisher, The use of multiple measurements in taxonomic problems, 1936; it comes
          with scikit-learn.
License:  CC BY 4.0 (UCI); scikit-learn's copy BSD-3.
Example:  >>> frame = read().frame
          >>> len(frame), frame.names[0], frame["petal length"].show(0)
          (150, 'sepal length', 1.4)
          >>> frame["species"].show(149)
          'virginica'
"""

import numpy as np

from kissipo.core.frame import Frame, numbers, strings
from kissipo.input.datasets._sklearn_file import sklearn_file
from kissipo.input.source_data import Reading

SOURCES = ("table",)
ABOUT = "150 flowers of three species, four lengths each; comes with scikit-learn"
HOME = "https://archive.ics.uci.edu/dataset/53"
LICENSE = "CC BY 4.0"
_LENGTHS = ("sepal length", "sepal width", "petal length", "petal width")


def read() -> Reading:
    """Reads the four lengths and the species of every flower."""
    header, *rows = sklearn_file("iris.csv").read_text(encoding="utf-8").splitlines()
    species = header.split(",")[2:]
    table = np.loadtxt(rows, delimiter=",")
    lengths = [numbers(name, column) for name, column in zip(_LENGTHS, table.T[:-1], strict=True)]
    kinds = strings("species", [species[int(number)] for number in table[:, -1]])
    return Reading(Frame((*lengths, kinds), origin="iris"), answer="species")
