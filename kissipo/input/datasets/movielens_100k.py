"""MovieLens 100k: 100,000 ratings, from 1 to 5 stars, of 1,682 films by 943 users.

Every user rated at least 20 films between September 1997 and April 1998. A film is
named by its title. Eighteen titles stand twice in the list of films, and those names
end with the number of the film.

Source:   Harper and Konstan, The MovieLens Datasets: History and Context, ACM
          Transactions on Interactive Intelligent Systems 2015; GroupLens.
License:  for research; not to be redistributed without permission.
Example:  >>> year_of("Toy Story (1995)"), year_of("unknown")
          (1995, None)
"""

import re
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.frame import Column, Frame, numbers, strings, times
from kissipo.input.datasets.download import File, get
from kissipo.input.formats.delimited import Layout, read_delimited
from kissipo.input.source_data import Reading

SOURCES = ("table",)
ABOUT = "100,000 ratings of 1,682 films by 943 users, with times, genres, ages and occupations"
HOME = "https://grouplens.org/datasets/movielens/100k/"
LICENSE = "for research; not to be redistributed"
_ARCHIVE = "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
FILES = tuple(
    File(name, _ARCHIVE, sha256, member=f"ml-100k/{name}")
    for name, sha256 in (
        ("u.data", "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490"),
        ("u.item", "553841ebc7de3a0fd0d6b62a204ea30c1e651aacfb2814c7a6584ac52f2c5701"),
        ("u.user", "f120e114da2e8cf314fd28f99417c94ae9ddf1cb6db8ce0e4b5995d40e90e62c"),
    )
)
GENRES = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
]
_YEAR = re.compile(r"\((\d{4})\)\s*$")


def read() -> Reading:
    """Reads user, film, stars, time, age, gender, occupation, year and genres.

    Raises:   DataError for a rating of a film or a user that the lists do not have.
    """
    ratings, films, users = (get("movielens-100k", file) for file in FILES)
    names = ("user", "film", "stars", "time")
    rows, _ = read_delimited(ratings, Layout("\t", names))
    film_number, user_number = (rows[name].values.astype(np.int64) for name in ("film", "user"))
    film, year, genres = _films(films, film_number)
    user = strings("user", [str(number) for number in user_number.tolist()], value_type="integer")
    time = times("time", rows["time"].values.astype(np.int64))
    columns = (user, film, rows["stars"], time, *_users(users, user_number), year, genres)
    return Reading(Frame(columns, origin="movielens-100k"), answer="stars")


def year_of(title: str) -> int | None:
    """Returns the year at the end of a title, None for a title without one."""
    match = _YEAR.search(title)
    return int(match[1]) if match else None


def _films(path: Path, rated: NDArray[np.int64]) -> tuple[Column, Column, Column]:
    """Returns the name, the year and the genres of the rated films."""
    lines = _lines(path, 5 + len(GENRES))
    titles = Counter(title for _, title, *_ in lines)
    name, year, genres = {}, {}, {}
    for number, title, *cells in lines:
        name[number] = title if titles[title] == 1 else f"{title} no. {number}"
        year[number] = year_of(title)
        flags = zip(GENRES, cells[-len(GENRES) :], strict=True)
        genres[number] = "|".join(genre for genre, flag in flags if flag == "1")
    keys = _keys_in(path, rated, set(name))
    return (
        strings("film", [name[key] for key in keys]),
        numbers("year", [year[key] for key in keys]),
        strings("genres", [genres[key] for key in keys]),
    )


def _users(path: Path, raters: NDArray[np.int64]) -> list[Column]:
    """Returns the age, the gender and the occupation of the users who rated."""
    cells = {number: tuple(rest) for number, *rest in _lines(path, 5)}
    keys = _keys_in(path, raters, set(cells))
    return [
        numbers("age", [int(cells[key][0]) for key in keys]),
        strings("gender", [cells[key][1] for key in keys]),
        strings("occupation", [cells[key][2] for key in keys]),
    ]


def _lines(path: Path, cells: int) -> list[list[str]]:
    """Returns the cells of the lines of a list, which bars separate."""
    lines = path.read_text(encoding="latin-1").splitlines()
    rows = [line.split("|") for line in lines if line]
    for number, row in enumerate(rows, 1):
        if len(row) != cells:
            raise DataError(
                f"line {number} of {path.name} is not a line of the published file",
                got=f"{len(row)} cells",
                allowed=f"{cells} cells with a bar between them",
                do="Delete the file and download it again",
            )
    return rows


def _keys_in(path: Path, numbers_of_rows: NDArray[np.int64], listed: set[str]) -> list[str]:
    """Returns the number of each row as text, all of which the list must have."""
    keys = [str(number) for number in numbers_of_rows.tolist()]
    unknown = sorted(set(keys) - listed)
    if unknown:
        raise DataError(
            f"{path.name} lacks a number that u.data has",
            got=f"'{unknown[0]}'",
            do="Delete the files and download them again",
        )
    return keys
