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

from kissipo.core.frame import Frame, numbers, strings
from kissipo.input.source_data import Reading

SOURCES = ("table",)
ABOUT = "150 flowers of three species, four lengths each; comes with scikit-learn"
HOME = "https://archive.ics.uci.edu/dataset/53"
LICENSE = "CC BY 4.0"


def read() -> Reading:
    """Reads the four lengths and the species of every flower."""
    from sklearn.datasets import load_iris

    iris = load_iris()
    names = [name.removesuffix(" (cm)") for name in iris.feature_names]
    lengths = [numbers(name, column) for name, column in zip(names, iris.data.T, strict=True)]
    species = strings("species", [str(iris.target_names[number]) for number in iris.target])
    return Reading(Frame((*lengths, species), origin="iris"), answer="species")
