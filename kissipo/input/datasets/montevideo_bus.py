"""Buses in Montevideo: passengers who enter, per stop and hour, October 2020.

675 stops of 11 lines that run to the center, 744 hours of local time. Positions are in
meters (UTM zone 21S). Two stops are linked where a line runs from one to the other.

Source:   Rozemberczki et al., PyTorch Geometric Temporal, CIKM 2021; open data of the
          Metropolitan Transportation System (STM) of Montevideo.
License:  MIT (the collection); Uruguayan open government data.
"""

import json

import numpy as np

from kissipo.core.frame import Column, Frame, numbers, strings, times
from kissipo.core.json_object import JsonObject
from kissipo.input.datasets.download import File, get, look_for
from kissipo.input.formats.delimited import Layout, read_delimited
from kissipo.input.source_data import Reading

SOURCES = ("events",)
ABOUT = "passengers who enter a bus in Montevideo, per hour: 675 stops, 744 hours (2020)"
HOME = "https://github.com/benedekrozemberczki/pytorch_geometric_temporal"
LICENSE = "MIT; Uruguayan open government data"
FOLDER = "montevideo-bus"
_PUBLISHED = File(
    "montevideo_bus.json",
    "https://raw.githubusercontent.com/benedekrozemberczki/pytorch_geometric_temporal/"
    "adefe44265ad8faf239fd6cf3b59b95ca3ee60aa/dataset/montevideo_bus.json",
    "37d9c6286d474077b5c05173c1570c4da42c387013116daa8862c7a6cab86a75",
)
_FIRST, _HOURS = np.datetime64("2020-10-01T00", "s"), 744
_COUNTS, _LINKS = "boardings.csv.gz", "links.csv.gz"


def read() -> Reading:
    """Reads stop, x, y, hour and count, one row per stop and hour."""
    path = look_for(FOLDER, _COUNTS)
    if path is not None:
        frame, _ = read_delimited(path, Layout())
        stops = [str(frame["stop"].show(row)) for row in range(len(frame))]
        x, y = frame["x"].values, frame["y"].values
        counts = np.stack([frame[f"h{hour}"].values for hour in range(_HOURS)], axis=1)
    else:
        nodes = _published()["nodes"]
        stops = [str(node["bus_stop"]) for node in nodes]
        x, y = (np.array([float(node[key]) for node in nodes]) for key in ("lon", "lat"))
        counts = np.array([node["y"] for node in nodes], dtype=np.float64)
    names = strings("stop", stops)
    codes = np.repeat(np.arange(len(stops), dtype=np.int32), _HOURS)
    hours = _FIRST + (np.arange(_HOURS) * 3600).astype("timedelta64[s]")
    columns = (
        Column("stop", "string", codes, names.categories),
        numbers("x", np.repeat(x, _HOURS)),
        numbers("y", np.repeat(y, _HOURS)),
        times("hour", np.tile(hours, len(stops))),
        numbers("count", counts.reshape(-1)),
    )
    return Reading(Frame(columns, FOLDER), answer="count")


def read_links() -> list[tuple[str, str]]:
    """Returns the pairs of stops that a line runs between."""
    path = look_for(FOLDER, _LINKS)
    if path is None:
        links = _published()["links"]
        return [(str(link["source"]), str(link["target"])) for link in links]
    frame, _ = read_delimited(path, Layout())
    return [
        (str(frame["source"].show(row)), str(frame["target"].show(row)))
        for row in range(len(frame))
    ]


def _published() -> JsonObject:
    content: JsonObject = json.loads(get(FOLDER, _PUBLISHED).read_text(encoding="utf-8"))
    return content
