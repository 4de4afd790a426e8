"""predict with a trained run: one prediction per line with its probability

kissipo predict runs/spam-1 "WIN a free prize now"
kissipo predict runs/wine-1 alcohol=13.2 hue=1.04 ...
kissipo predict runs/tiles-1 photo1.png photo2.png
kissipo predict runs/tiles-1 new/ --out predictions    a table and a gallery of heatmaps
kissipo predict runs/dcgan-1 1 2 3 --out samples       one PNG file per number
kissipo predict runs/wine-1 --file new.csv
kissipo predict runs/air-1 --file air.csv              one line per step to come
kissipo predict runs/hot-spots-1                       the busiest places next
kissipo predict runs/digits-1 words/                   one line per recording
kissipo predict runs/digits-1 call.wav                 words with their times
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from os.path import isdir
from pathlib import Path
from typing import TYPE_CHECKING

from kissipo.cli.screen import Screen

if TYPE_CHECKING:
    from kissipo.runs.run import Run
    from kissipo.runs.spotting import SpottedWords


def options(parser: ArgumentParser) -> None:
    """The arguments of `kissipo predict`."""
    parser.add_argument("run", metavar="RUN", help="a run folder")
    parser.add_argument(
        "values",
        metavar="VALUE",
        nargs="*",
        help="the inputs: texts, images or folders of images, name=value pairs, "
        "the latest steps of a series, or numbers of images to generate",
    )
    parser.add_argument("--file", help="the inputs as a file with rows or steps")
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        help="write predictions.csv (of images also gallery.html) to a new folder, "
        "or the generated images",
    )
    parser.add_argument("--json", action="store_true", help="print the predictions as JSON")


def run(arguments: Namespace, screen: Screen) -> None:
    """Prints one line per example."""
    from kissipo.cli.tables import format_answer, format_cell
    from kissipo.core.errors import TaskError
    from kissipo.runs.run import Run
    from kissipo.runs.spotting import refused_files, spot_words

    if arguments.values and arguments.file:
        raise TaskError("kissipo predict needs either values or --file")
    trained = Run.open(arguments.run)
    # a text may be longer than any name of a folder
    has_folders = trained.has_images and any(map(isdir, arguments.values))
    if trained.has_images and (arguments.out or has_folders):
        return _folder(trained, arguments, screen)
    values = [Path(arguments.file)] if arguments.file else arguments.values
    names = trained.resolved.source.module.SOURCE.sample_names(values)
    refused = {} if names is None else refused_files(trained, names)
    if names is not None:
        values = [name for name in names if name not in refused]
    spotted = spot_words(trained, values)
    if spotted:
        return _spotted(spotted, list(refused.values()), arguments, screen)
    all_refused = bool(refused) and not values
    answers, remarks = ([], []) if all_refused else trained.predict_all(values)
    remarks = [*refused.values(), *remarks]
    first = [row[0] for row in answers]
    is_forecast = bool(first) and first[0].steps is not None
    if arguments.out and is_forecast:
        from kissipo.runs.forecast_table import save_forecasts

        path = save_forecasts(arguments.out, trained.answers[0], first)
        screen.note(f"written to {path}")
    elif arguments.out and names is not None:
        from kissipo.runs.predict_folder import save_named

        path = save_named(arguments.out, trained.answers, names, answers, refused)
        screen.note(f"written to {path}")
    elif arguments.out:
        from kissipo.runs.predict_folder import save_images

        save_images(arguments.out, arguments.values, first)
    screen.remarks(remarks)
    if is_forecast and not screen.as_json:
        from kissipo.runs.forecast_table import forecast_table

        listed = trained.answers[0].listed(first)
        if len(listed) < len(first):
            screen.note(f"the first {len(listed)} of {len(first)}; --json and --out write all")
        titles, rows_of_steps = forecast_table(trained.answers[0], listed)
        for line in [list[object](titles), *map(list[object], rows_of_steps)]:
            print("\t".join(format_cell(cell) for cell in line))  # noqa: T201
    starts = [[name] for name in names or ()] or [[]] * len(answers)
    predicted = iter(answers)
    answers = [() if start and start[0] in refused else next(predicted) for start in starts]
    for start, row in zip(starts, () if is_forecast else answers, strict=False):
        if not screen.as_json:
            print("\t".join([*start, *map(format_answer, row)]))  # noqa: T201
    rows = [
        {
            **({"file": start[0]} if start else {}),
            **{
                answer.name: answer.to_json(prediction)
                for answer, prediction in zip(trained.answers, row, strict=False)
            },
            **({} if row else {"note": refused[start[0]]}),
        }
        for start, row in zip(starts, answers, strict=True)
    ]
    screen.result_json({"run": arguments.run, "notes": remarks, "predictions": rows})
    return None


def _spotted(
    spotted: list[SpottedWords], refused: list[str], arguments: Namespace, screen: Screen
) -> None:
    """Prints one line per word of long recordings, with its times in seconds."""
    from kissipo.runs.spotting import TITLES, save_words

    if arguments.out:
        screen.note(f"written to {save_words(arguments.out, spotted)}")
    if not screen.as_json:
        several = len(spotted) > 1
        print("\t".join([*(["file"] if several else []), *TITLES]))  # noqa: T201
        for item in spotted:
            for row in item.rows():
                print("\t".join([*([item.name] if several else []), *row]))  # noqa: T201
    note = "the recording is much longer than those of the training: its words are searched"
    notes = [*refused, note]
    screen.remarks(notes)
    predictions = [item.to_json() for item in spotted]
    screen.result_json({"run": arguments.run, "notes": notes, "predictions": predictions})


def _folder(trained: Run, arguments: Namespace, screen: Screen) -> None:
    """Prints one line per image, or with --out the counts of the predictions."""
    from rich.markup import escape

    from kissipo.cli.screen import table
    from kissipo.cli.tables import format_answer
    from kissipo.core.finding import counted
    from kissipo.core.output_file import refuse_existing

    if arguments.out:
        refuse_existing(Path(arguments.out))
    predictions = trained.predict_folder(*arguments.values)
    screen.remarks(predictions.notes)
    if arguments.out:
        folder = predictions.save(arguments.out)
        counts = table(predictions.names[0], "images", right=(1,))
        for value, count in predictions.counts().items():
            counts.add_row(escape(value), f"{count:,}")
        screen.result(counts)
        screen.result(
            f"{counted(len(predictions.images), 'image')}, {len(predictions.unread)} of them could "
            "not be read"
        )
        screen.note(
            f"written to {folder}: {', '.join(sorted(image.name for image in folder.iterdir()))}"
        )
    elif not screen.as_json:
        for image in predictions.images:
            print("\t".join([str(image.file), *map(format_answer, image.answers)]))  # noqa: T201
    screen.result_json(
        {
            "run": arguments.run,
            "notes": list(predictions.notes),
            "predictions": predictions.to_json(),
        }
    )
