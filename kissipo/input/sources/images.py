"""Images: one folder per class, idx files, an .npz file, arrays, or a named set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.array import Array
from kissipo.codec.pixels import Pixels
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, refuse_failures
from kissipo.core.frame import Frame, array_column, class_column, image_column
from kissipo.core.inferred_option import InferredOption
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.schema import option, option_infos
from kissipo.core.seeds import numpy_generator
from kissipo.core.task import Task
from kissipo.core.text import shorten
from kissipo.input.augment import Augment, Name
from kissipo.input.check.boxes import small_boxes, unlearned_labels
from kissipo.input.check.images import (
    change_findings,
    check_images,
    damage_findings,
    refuse_rare_classes,
    sizes,
)
from kissipo.input.datasets import find_data
from kissipo.input.formats.arrays import (
    ArrayFile,
    is_array_file,
    read_array_file,
)
from kissipo.input.formats.boxes.box_folder import BoxOptions, has_boxes, read_box_folder
from kissipo.input.formats.boxes.box_list import BoxWords
from kissipo.input.formats.boxes.image_boxes import BOXES, MAX_BOXES
from kissipo.input.formats.documents import is_document_folder
from kissipo.input.formats.files import existing, path_of
from kissipo.input.formats.idx import read_idx
from kissipo.input.formats.images.image_files import listed_once, subfolders
from kissipo.input.formats.images.image_folder import MASK, read_image_folder
from kissipo.input.formats.images.label_table import DEFAULT_NAME as DEFAULT_LABELS
from kissipo.input.formats.images.label_table import with_labels
from kissipo.input.formats.images.mask_folders import mask_tree
from kissipo.input.formats.images.pixel_cells import images_to_predict, pixel_cells, pixel_images
from kissipo.input.formats.split_folders import is_part_name
from kissipo.input.formats.tables import FileWords, is_table_file
from kissipo.input.source import Source
from kissipo.input.source_data import Reading

if TYPE_CHECKING:
    from kissipo.input.question import Question

_IMAGE_SIDE, _MASK_SIDE, _BOXES_SIDE, _BOXES_STEP = 64, 128, 320, 32
_VARIED = InferredOption(
    "input.augment", ["flip", "crop"], "boxes need many images, so each is varied in every epoch"
)
_NOISE = "noise"
_MAX_VALUE = 65_535


@dataclass(frozen=True)
class Options:
    """Options of images."""

    labels: Any = option(
        None,
        "table of the classes of a folder, with a file per row; labels.csv in a folder without "
        "class folders is used when omitted; of an .npz file the name of the array; in Python "
        "also a list for an array of images",
    )
    masks: Any = option(
        None,
        "folder of segmentation masks with the same file names as the images; "
        "in Python also an array",
    )
    missing_masks: Literal["empty", "left_out"] | None = option(
        None, "treat images without a mask as empty, or leave them out"
    )
    boxes: Any = option(
        None,
        "labeled boxes: a table with a row per box, a folder of VOC or YOLO files, or a JSON "
        "file of COCO; those beside the images, such as boxes.csv, are used when omitted",
    )
    missing_boxes: Literal["empty", "left_out"] | None = option(
        None, "treat images that the table of boxes does not name as empty, or leave them out"
    )
    box_layout: Literal["xyxy", "xywh", "cxcywh"] | None = option(
        None,
        "what the four numbers of a box are: two corners, or a corner (xywh) or the center "
        "(cxcywh) with width and height; inferred from the data",
    )
    box_unit: Literal["pixels", "fractions"] | None = option(
        None, "unit of the numbers of a box; inferred from the data"
    )
    box_rotation: Literal["upright", "stored"] | None = option(
        None,
        "whether the boxes of images with an Exif rotation belong to the upright image or to "
        "the image as it is stored; inferred from the sizes that the boxes come with",
    )
    max_boxes: int = option(
        MAX_BOXES, "maximum number of boxes in an image; an image with more is refused", minimum=1
    )
    size: tuple[int, ...] | None = option(
        None, "height and width to which images are resized; one number for a square", minimum=1
    )
    color: Literal["grayscale", "rgb"] | None = option(
        None, "color mode: one channel or three; inferred from the images"
    )
    value_range: tuple[int, ...] | None = option(
        None,
        "pixel values that become 0 and 1; inferred from training images of 16 bits",
        minimum=0,
    )
    augment: tuple[Name, ...] = option((), "random data augmentation during training")
    memory_limit: float = option(
        1.0,
        "gigabytes of images held in memory; larger data are read from disk in every epoch",
        minimum=0,
    )
    skip_corrupt: bool = option(False, "skip and count images that cannot be decoded")
    split_folders: bool = option(
        True, "whether folders named train, validation and test are the split (false: joined)"
    )
    sample_weight: str | None = option(
        None,
        "column of weights of the samples in the losses, numbers of at least 0; "
        "metrics stay unweighted",
    )
    noise: int | None = option(
        None,
        "size of the random vector that is the input in place of the image, which is the target",
        minimum=1,
    )


class Images(Source[Options]):
    """Images, with their classes and masks if there are any."""

    answers = ("category", "mask")
    order = 30
    formats = "a folder of images"
    folders = True
    data_options = ("labels", "masks", "boxes", "box_layout", "box_unit", "box_rotation")
    generated_columns = (_NOISE,)

    def read(self, value: object, options: Options) -> Reading:
        """Returns images and, if there are any, their classes, masks and noise."""
        reading = self._read(value, options)
        if options.noise is None:
            return reading
        column = array_column(_NOISE, _noise(reading.frame.rows.tolist(), options.noise))
        return replace(reading, frame=reading.frame.replaced(column))

    def unlabeled(self, value: object, options: Options) -> Reading:
        """Reads images that need no classes, also of a folder without folders."""
        is_flat = (
            isinstance(value, str | Path) and Path(value).is_dir() and not subfolders(Path(value))
        )
        if not is_flat or options.labels is not None or find_data(value, "images") is not None:
            return self.read(value, options)
        return read_image_folder(Path(str(value)), flat=True, skip=options.skip_corrupt)

    def _read(self, value: object, options: Options) -> Reading:
        _refuse_boxes(value, options.boxes)
        if not isinstance(value, str | Path):
            return _with_masks(
                _from_arrays(np.asarray(value), options.labels, "the array of images"),
                options.masks,
            )
        masks = None if options.masks is None else Path(str(options.masks))
        reading = find_data(value, "images")
        path = Path(value)
        if masks is not None and (reading is not None or not path.is_dir()):
            raise DataError(
                f"input.masks needs a folder of images, and {value} is not a folder",
                do="Leave input.masks out",
            )
        if reading is not None:
            return reading
        if is_array_file(path):
            return _from_file(path, options.labels)
        if path.is_dir() and (idx := sorted(path.glob("*-images-idx3-ubyte*"))):
            return _from_idx(idx)
        if path.is_file():
            if (table := pixel_cells(path)) is not None:
                return table
            raise DataError(
                f"{path} is a file",
                allowed="a folder with one folder per class, a folder of idx files, an .npz "
                "file, a table with all pixels of an image in one cell and its class in another",
            )
        if options.boxes is not None or (_is_unanswered(options) and has_boxes(path)):
            return read_box_folder(path, _box_options(options))
        labels = _labels_of(path, options)
        reading = read_image_folder(
            path,
            masks=masks,
            flat=options.noise is not None or labels is not None,
            split_folders=options.split_folders,
            skip=options.skip_corrupt,
        )
        return reading if labels is None else with_labels(reading, labels, path)

    @listed_once()
    def infer(self, question: Question) -> Task | None:
        """Takes a folder, and an .npz file; given masks or boxes are the answer."""
        path = question.path
        is_folder = (
            path is not None
            and path.is_dir()
            and not question.has_split_tables
            and not is_document_folder(path)
        )
        if is_array_file(path):
            named = {} if question.output is None else {"labels": question.output}
            kind = question.answer or "category"
            return question.task({"images": question.value, **named}, kind)
        if path is not None and path.is_file() and is_table_file(path):
            return self._of_pixels(question)
        if not (question.data_set or is_folder):
            return None
        masks, boxes = "masks" in question.words, "boxes" in question.words
        if path is not None and is_folder and not (masks or boxes):
            boxes = "labels" not in question.words and has_boxes(path)
            masks = not boxes and mask_tree(path) is not None
        usual = question.data_set.ANSWER if question.data_set else None
        located = "mask" if masks else "boxes" if boxes else usual
        kind = question.answer or located or "category"
        column = question.output if is_folder else None
        data: dict[str, object] = {"images": question.value}
        varied = (_VARIED,) if kind == BOXES and "augment" not in question.words else ()
        if varied:
            data["augment"] = _VARIED.value
        return question.task(data, {kind: column} if column else kind, varied)

    def _of_pixels(self, question: Question) -> Task | None:
        """Takes a table whose cells hold all pixels of an image."""
        is_plain = not (
            question.time
            or question.horizon
            or question.words.keys() & option_infos(FileWords).keys()
        )
        if not is_plain or question.answer not in (None, "category"):
            return None
        reading = pixel_images(question.rows, question.findings)
        if reading is None or question.output not in (None, reading.answer):
            return None
        return question.task({"images": question.value}, {"category": reading.answer})

    def usable_rows(self, frame: Frame, options: Options, findings: list[Finding]) -> Frame:
        """Returns the images that can be decoded."""
        checks = check_images(frame["image"])
        findings += damage_findings(checks, skip=options.skip_corrupt)
        refuse_failures(findings)
        readable = [number for number, check in enumerate(checks) if not check.damage]
        frame = frame.take(np.array(readable)) if len(readable) < len(checks) else frame
        findings += change_findings(frame, [checks[number] for number in readable])
        return frame

    def missing_targets(self, options: Options) -> Literal["empty", "left_out"] | None:
        """Returns how to treat an image without a mask."""
        return options.missing_masks

    def check_targets(self, frame: Frame, columns: Sequence[str]) -> list[Finding]:
        """Refuses a class with a single image."""
        for name in columns:
            if frame[name].kind == "string":
                refuse_rare_classes(frame, name)
        return []

    def input_codecs(
        self,
        frame: Frame,
        options: Options,
        *,
        reserved: Sequence[str],
        per_pixel: bool,
        findings: list[Finding],
        inferred_options: list[InferredOption],
    ) -> tuple[Codec, ...]:
        """Returns the codec of the pixels, or of the noise.

        A mask and boxes need larger images than a class. Images with boxes keep the
        proportions of the most frequent size, and all are stretched to it.
        """
        if options.noise is not None:
            for name in ("size", "color", "augment"):
                if vars(options)[name]:
                    raise TaskError(
                        f"input.{name} is for images as inputs, and input.noise replaces them",
                        do="Leave it out; output.image_size sets the size of generated images",
                    )
            return (Array(_NOISE),)
        size = (options.size[0], options.size[-1]) if options.size else None
        max_side, step = _MASK_SIDE if per_pixel else _IMAGE_SIDE, None
        if per_pixel and BOXES in reserved:
            max_side, step = _BOXES_SIDE, _BOXES_STEP
        pixels = Pixels(
            "image",
            size=size,
            color=options.color,
            max_side=max_side,
            step=step,
            value_range=_checked_range(options.value_range),
        )
        return (pixels,)

    def check_fitted(
        self, frame: Frame, codecs: Sequence[Codec], targets: Sequence[str]
    ) -> list[Finding]:
        """Reports the sizes of the images, where they are inputs."""
        return [
            finding
            for codec in codecs
            if codec.is_image
            for finding in (
                *codec.fitted_findings(frame),
                *sizes(frame["image"], (codec.spec.shape[1], codec.spec.shape[2])),
            )
        ]

    def fitted_findings(
        self,
        frame: Frame,
        codecs: Sequence[Codec],
        targets: Sequence[Codec],
        splits: Mapping[str, NDArray[np.int64]],
    ) -> list[Finding]:
        """Reports objects that are too small, and labels without training boxes."""
        if not any(codec.columns == (BOXES,) for codec in targets):
            return []
        column = frame[BOXES]
        shapes = [codec.spec.shape for codec in codecs if codec.is_image]
        return [
            *unlearned_labels(column.values, column.categories, splits),
            *(item for _, *size in shapes for item in small_boxes(column.values, size)),
        ]

    def files(self, frame: Frame) -> list[str]:
        """Returns the file of each image; empty for images in memory."""
        files = [value for value in frame["image"].values if isinstance(value, str)]
        return files if len(files) == len(frame) else []

    def memory_limit(self, options: Options) -> float:
        """Returns the gigabytes of images that are held in memory."""
        return options.memory_limit

    def weight_column(self, options: Options) -> str | None:
        """Returns the name of the column of sample weights, if there is one."""
        return options.sample_weight

    def augment(
        self,
        options: Options,
        codecs: Sequence[Codec],
        *,
        masks: tuple[int, ...] = (),
        boxes: tuple[int, ...] = (),
    ) -> Augment | None:
        """Returns the random changes of the images in training."""
        return Augment(options.augment, masks, boxes) if options.augment else None

    def parse_values(
        self, values: Sequence[object], options: Options, codecs: Sequence[Codec]
    ) -> Frame:
        """Returns images as paths, and arrays as bytes; or noise by its numbers."""
        if options.noise is not None:
            return _noise_frame(values, options.noise)
        channels = next((codec.spec.shape[0] for codec in codecs if codec.is_image), 1)
        values = [image for value in values for image in _images_of(value, channels)]
        cells = np.empty(len(values), dtype=object)
        for position, value in enumerate(values):
            if isinstance(value, str | Path):
                if Path(value).is_dir():
                    raise DataError(
                        f"{value} is a folder",
                        allowed="image files",
                        do="Use run.predict_folder(folder)",
                    )
                cells[position] = str(value)
                continue
            cells[position] = _as_bytes(np.asarray(value), "the array of the image")
        return Frame((image_column("image", cells),), origin="the images")

    def value_axes(self, codecs: Sequence[Codec]) -> int | None:
        """Returns the axes of an image; noise is a vector."""
        return 3 if any(codec.is_image for codec in codecs) else 1

    def usage(self, codecs: Sequence[Codec]) -> str:
        """Returns how images are given, or the numbers of generated ones."""
        if not any(codec.is_image for codec in codecs):
            return "Give numbers of samples: kissipo predict RUN 1 2 3"
        return "Give paths of images: kissipo predict RUN photo.png"


def _labels_of(folder: Path, options: Options) -> Path | None:
    """Returns the table of the classes of a folder: the named one, which may be inside,
    or labels.csv where there are no class folders."""
    if isinstance(options.labels, str | Path):
        inside = folder / options.labels
        return inside if inside.is_file() else existing(Path(options.labels))
    default = folder / DEFAULT_LABELS
    answered = (options.masks, options.boxes, options.noise)
    if not default.is_file() or any(option is not None for option in answered):
        return None
    return default if all(map(is_part_name, subfolders(folder))) else None


def _is_unanswered(options: Options) -> bool:
    """Whether no option says what the images are labeled with."""
    return all(option is None for option in (options.labels, options.masks, options.noise))


def _box_options(options: Options) -> BoxOptions:
    return BoxOptions(
        options.boxes,
        options.missing_boxes,
        BoxWords(options.box_layout, options.box_unit),
        options.box_rotation,
        options.max_boxes,
        options.split_folders,
        options.skip_corrupt,
    )


def _refuse_boxes(value: object, boxes: object) -> None:
    """Refuses boxes of images that are not files."""
    if boxes is not None and not (isinstance(value, str | Path) and Path(value).is_dir()):
        what = str(value) if isinstance(value, str | Path) else "an array"
        raise DataError(
            "input.boxes needs a folder of images",
            got=shorten(what, 60),
            do="Leave input.boxes out",
        )


def _images_of(value: object, channels: int) -> list[object]:
    """Returns the images of a file of arrays, and of a stack of images.

    channels:  of the images of the training, which separate a color image with its
               channels first from three gray ones
    """
    if isinstance(value, str | Path):
        is_arrays = is_array_file(path_of(value))
        table = None if is_arrays else images_to_predict(Path(value))
        if table is None and not is_arrays:
            return [value]
        value = read_array_file(Path(value)).x if table is None else table
    x = np.asarray(value)
    if x.ndim == 4:
        return list(_channels_last(x))
    is_first = x.ndim == 3 and channels == x.shape[0] and x.shape[-1] not in (1, 3, 4)
    if is_first and channels == 3:
        return [np.moveaxis(x, 0, -1)]
    if x.ndim == 3 and x.shape[-1] not in (1, 3, 4):
        return list(x)
    return [x]


def _channels_last(values: NumpyArray) -> NumpyArray:
    """Returns images with the channel axis last, where it is the first."""
    is_first = values.ndim == 4 and values.shape[-1] not in (1, 3, 4) and values.shape[1] in (1, 3)
    return np.moveaxis(values, 1, -1) if is_first else values


def _noise(numbers: Sequence[int], size: int) -> NDArray[np.float32]:
    """Returns one row of normal noise per number; it is a function of the number."""
    rows = [numpy_generator(0, _NOISE, number).standard_normal(size) for number in numbers]
    return np.stack(rows).astype(np.float32)


def _noise_frame(values: Sequence[object], size: int) -> Frame:
    """Returns noise by its number, or as it is given: a vector of `size` numbers."""
    rows = []
    for value in values:
        vector = np.asarray(value)
        if vector.shape == (size,) and np.issubdtype(vector.dtype, np.number):
            rows.append(vector.astype(np.float32))
        elif str(value).isdecimal():
            rows.append(_noise([int(str(value))], size)[0])
        else:
            raise DataError(
                "noise is given by its number",
                got=shorten(str(value), 60),
                allowed=f"an integer of at least 0; in Python also a vector of {size} numbers",
            )
    return Frame((array_column(_NOISE, np.stack(rows)),), origin="the noise")


def _from_arrays(values: NumpyArray, labels: object, origin: str) -> Reading:
    values = _channels_last(values)
    if values.ndim not in (3, 4) or (values.ndim == 4 and values.shape[-1] not in (1, 3, 4)):
        raise DataError(
            f"{origin} must have the axes (image, height, width) "
            "or (image, height, width, channel)",
            got="the shape " + str(values.shape),
            allowed="1, 3 or 4 channels, the channel axis last",
        )
    if not values.size:
        raise DataError(f"{origin} contains no images", got="the shape " + str(values.shape))
    columns = [image_column("image", _as_bytes(values, origin))]
    if labels is not None:
        labels = np.asarray(labels).reshape(-1)
        if len(labels) != len(values):
            raise DataError(
                f"{origin} and the labels differ in number",
                got=f"{len(values)} images, {len(labels)} labels",
            )
        columns.append(class_column("class", labels))
    return Reading(
        Frame(tuple(columns), origin=origin), answer="class" if labels is not None else ""
    )


def _with_masks(reading: Reading, masks: object) -> Reading:
    """Adds one mask per image."""
    if masks is None:
        return reading
    masks, frame = np.asarray(masks), reading.frame
    values = frame["image"].values
    if masks.shape != values.shape[:3] or masks.dtype not in (np.uint8, np.bool_):
        raise DataError(
            "input.masks does not fit the array of images",
            got=f"masks {masks.shape} of {masks.dtype}, images {values.shape}",
            allowed="one uint8 (or bool) array (image, height, width)",
        )
    column = image_column(MASK, masks.astype(np.uint8) * 255 if masks.dtype == np.bool_ else masks)
    return replace(reading, frame=frame.replaced(column))


def _checked_range(values: tuple[int, ...] | None) -> tuple[int, int] | None:
    """Returns the lowest and the highest value of a range.

    Raises:   TaskError for more or fewer than two values in rising order.
    """
    if values is None:
        return None
    if len(values) != 2 or values[0] >= values[1] or values[1] > _MAX_VALUE:
        raise TaskError(
            "input.value_range needs the pixel values that become 0 and 1",
            got=str(list(values)),
            allowed=f"two integers in rising order, at most {_MAX_VALUE}, such as [0,4095]",
        )
    return values[0], values[1]


def _as_bytes(values: NumpyArray, origin: str) -> NumpyArray:
    """Returns pixels as bytes; whole numbers of 16 bits stay as they are."""
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.uint16 and values.size and values.max() > 255:
        return values
    if not np.issubdtype(values.dtype, np.number) or not np.isfinite(values).all():
        raise DataError(
            f"{origin} contains values that are not pixel values",
            got=str(values.dtype),
            allowed="0-255, or 0.0-1.0",
        )
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 255:
        raise DataError(
            f"{origin} contains values outside of the pixel range",
            got=f"{low:g} to {high:g}",
            allowed="0-255, or 0.0-1.0",
            do="For images of 16 bits give an array of the type uint16",
        )
    return np.round(values * (255 if high <= 1 else 1)).astype(np.uint8)


def _from_file(path: Path, labels: object) -> Reading:
    """Reads images, labels and the parts of a split from a file of arrays."""
    file = read_array_file(path, labels if isinstance(labels, str) else None)
    reading = _from_arrays(file.x, file.y, str(path))
    findings = (_shape_finding(file),) if file.x.dtype.kind == "f" and file.x.ndim == 3 else ()
    return replace(reading, findings=findings, parts=file.parts or None)


def _shape_finding(file: ArrayFile) -> Finding:
    """Says how numbers along two axes are read, which could also be windows."""
    _, height, width = file.x.shape
    return Finding(
        "PASS",
        "array",
        f"the array '{file.x_name}' is read as gray images of {height}x{width}",
        f"if it is {height} steps of {width} values per sample, name the array windows",
    )


def _from_idx(images: list[Path]) -> Reading:
    """Reads pairs NAME-images-idx3-ubyte and NAME-labels-idx1-ubyte.

    A pair whose name begins with t10k or test is the test split.
    """
    pixels, digits, parts = [], [], []
    for path in images:
        labels_path = path.with_name(path.name.replace("-images-idx3", "-labels-idx1"))
        pixels.append(_with_axes(path, 3))
        digits.append(_with_axes(existing(labels_path), 1))
        if len(pixels[-1]) != len(digits[-1]):
            raise DataError(
                f"{path.name} and {labels_path.name} differ in number",
                got=f"{len(pixels[-1])} images, {len(digits[-1])} labels",
            )
        if pixels[-1].shape[1:] != pixels[0].shape[1:]:
            raise DataError(
                f"the images of {images[0].name} and {path.name} differ in size",
                got=" and ".join("x".join(map(str, pixels[n].shape[1:])) for n in (0, -1)),
                do="Bring them to one size",
            )
        parts += [path.name.startswith(("t10k", "test"))] * len(digits[-1])
    reading = _from_arrays(np.concatenate(pixels), np.concatenate(digits), str(images[0].parent))
    test = np.asarray(parts)
    if not test.any() or test.all():
        return reading
    return Reading(
        reading.frame,
        parts={"train": np.flatnonzero(~test), "test": np.flatnonzero(test)},
        answer="class",
    )


def _with_axes(path: Path, axes: int) -> NumpyArray:
    """Returns the array of an idx file, which must have so many axes."""
    values = read_idx(path)
    if values.ndim != axes:
        raise DataError(
            f"{path} must have {axes} {'axis' if axes == 1 else 'axes'}",
            got=f"the shape {values.shape}",
        )
    return values


SOURCE = Images()
