"""The steps that a forecast predicts: their series and their timestamps."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ForecastSteps:
    """The steps of one forecast.

    heading:  the time column, or step
    labels:   the timestamp or the number of each step
    series:   the name of the series; None where there is only one
    series_heading: what a series is called, above the names
    center:   (variable) what is added to the forecast, as each series has its own scale
    spread:   (variable) by which the forecast is multiplied before
    """

    heading: str
    labels: tuple[str, ...]
    series: str | None = None
    center: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()
    series_heading: str = "series"
