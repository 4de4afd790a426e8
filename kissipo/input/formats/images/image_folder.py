"""Image folders: one folder per class, with or without segmentation masks.

Folders named train, validation and test above the class folders are the split.
"""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from kissipo.codec._image_kinds import SUFFIXES
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, counted
from kissipo.core.frame import Frame, image_column, strings
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.suggest import nearest
from kissipo.core.text import list_some
from kissipo.input.formats.files import existing
from kissipo.input.formats.images.image_files import (
    FolderFiles,
    file_findings,
    files_below,
    files_in,
    listed_once,
    together,
)
from kissipo.input.formats.images.mask_folders import MaskTree, mask_tree
from kissipo.input.formats.images.masks import masks_beside, masks_in, refuse_masks_as_class
from kissipo.input.formats.split_folders import (
    PARTS,
    ClassFolder,
    FolderTree,
    class_tree,
    document_folders,
    same_folders,
)
from kissipo.input.formats.split_lists import listed_parts
from kissipo.input.source_data import Reading

MASK = "mask"
_COMPANION_SHARE = 0.9
_TABLES = (".csv", ".tsv", ".txt", ".dat", ".npy", ".mat")

K = TypeVar("K")


@listed_once()
def read_image_folder(
    folder: Path,
    *,
    masks: Path | None = None,
    flat: bool = False,
    split_folders: bool = True,
    skip: bool = False,
) -> Reading:
    """Reads every image of each class folder; other files are counted and skipped.

    With masks, the images need no class folders.

    masks:          folder of the masks; by default the masks are searched beside the
                    images
    flat:           whether the images need no class folders
    split_folders:  whether folders named train, validation and test are the split
    skip:           whether images that cannot be read are left out, however many
    Raises:         DataError when it is not a folder, has no class folders, or a class
                    has no images.
    """
    existing(folder, kind="folder")
    pairs = mask_tree(folder) if masks is None and not flat else None
    tree = pairs.tree if pairs else class_tree(folder, masks=masks, flat=flat)
    directly = files_in(tree.root)
    files = {place: files_below(place.folder) for place in tree.classes}
    loose, skipped = directly.images, FolderFiles(system=directly.system)
    if not tree.classes:
        _refuse_classless(folder, loose, may_be_flat=flat or _may_be_flat(loose, masks))
        files, loose, skipped = {ClassFolder("", folder): directly}, (), FolderFiles()
    findings = file_findings(together([*files.values(), skipped]), skip=skip)
    findings += _loose_findings(loose, tree) + _same_folders_findings(tree)
    findings += _document_findings(tree)
    images = {place: list(some.images) for place, some in files.items()}
    beside: list[Path] = []
    mask_findings = list(pairs.findings) if pairs else []
    has_masks = pairs is not None or masks is not None
    if not has_masks:
        images, beside, mask_findings = _without_companions(images)
    names, name_findings = class_names([place.name for place in images])
    findings += name_findings
    if tree.classes and not has_masks and not beside:
        refuse_masks_as_class(tree.root, {place.folder: some for place, some in images.items()})
    _refuse_empty_classes(tree, files, names, findings)
    paths = [path for some in images.values() for path in some]
    labels = [names[place.name] for place, some in images.items() for _ in some]
    parts = _parts(tree, images, labels, findings, use=split_folders)
    if parts is None and split_folders:
        parts = listed_parts(folder, tree.root, paths, findings)
    has_classes = any(labels)
    columns = [image_column("image", np.asarray([str(path) for path in paths], dtype=object))]
    if has_classes:
        columns.append(strings("class", labels))
    if pairs is not None:
        columns.append(image_column(MASK, _paired_masks(pairs, images)))
    elif masks is not None:
        columns.append(image_column(MASK, masks_in(masks, paths, folder, SUFFIXES)))
    elif beside:
        columns.append(image_column(MASK, masks_beside(paths, beside)))
    return Reading(
        Frame(tuple(columns), origin=str(folder)),
        (*findings, *mask_findings),
        parts=parts,
        answer="class" if has_classes else "",
    )


def images_below(folder: Path) -> list[Path]:
    """Returns all images of a folder and its subfolders, without masks beside them;
    those that cannot be decoded are among them."""
    files = files_below(folder)
    images = _without_companions({"": list(files.images)})[0][""]
    return sorted([*images, *(path for path, _ in files.unreadable)])


def class_names(names: Sequence[str]) -> tuple[dict[str, str], list[Finding]]:
    """Returns the class of each folder name, and what was joined.

    Names that differ only in blanks around them, or in the Unicode form of a letter,
    are one class. Names that differ in case stay apart, which the answer reports.
    """
    forms: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        forms.setdefault(unicodedata.normalize("NFC", name.strip()), []).append(name)
    classes = {
        name: form if len(some) > 1 else name for form, some in forms.items() for name in some
    }
    findings = []
    joined = [
        " and ".join(f"'{name}'" for name in some) for some in forms.values() if len(some) > 1
    ]
    if joined:
        message = "class folders differ only in blanks around their names or in the form of a "
        message += f"letter: {list_some(joined, 5)}"
        findings.append(Finding("WARN", "class names", message, "joined into one class each"))
    return classes, findings


def _refuse_classless(folder: Path, images: Sequence[Path], *, may_be_flat: bool) -> None:
    """Refuses a folder without class folders, unless its images need no classes."""
    if images and may_be_flat:
        return
    content = f"{len(images)} images and no folders" if images else "no folders"
    tables = [path.name for path in sorted(folder.glob("*/*")) if path.suffix.lower() in _TABLES]
    if tables and not images:
        raise DataError(
            f"{folder} has folders of tables, and no images",
            got=list_some(tables, 3),
            do="Write all signals in one table, one signal per row, with a column of classes",
        )
    do = f"Sort the images into folders such as {folder}/good and {folder}/bad"
    if images:
        do += ", or set input.labels=labels.csv, input.masks=FOLDER or input.boxes=boxes.csv"
    raise DataError(f"{folder} must contain one folder per class", got=content, do=do)


def _paired_masks(pairs: MaskTree, images: Mapping[ClassFolder, Sequence[Path]]) -> NumpyArray:
    """Returns the mask of each image, from the folder of masks beside its own."""
    masks = [
        masks_in(masks_of, some, images_of, SUFFIXES)
        for place, some in images.items()
        for images_of, masks_of in [pairs.masks[place]]
    ]
    return np.concatenate(masks)


def _may_be_flat(loose: Sequence[Path], masks: Path | None) -> bool:
    """Whether images need no class folders because masks are the target."""
    return masks is not None or bool(_without_companions({"": list(loose)})[1])


def _loose_findings(loose: Sequence[Path], tree: FolderTree) -> list[Finding]:
    """Reports images beside the class folders, and folders beside split folders."""
    findings = []
    if loose:
        message = f"{counted(len(loose), 'image')} outside the class folders"
        findings.append(Finding("WARN", "loose images", message, "left out: they have no class"))
    for folder in tree.unused:
        count = len(files_below(folder).images)
        message = (
            f"the folder {folder.name} beside the split folders holds {counted(count, 'image')} "
            "and no class folders of the training"
        )
        action = f"left out; predict them with kissipo predict RUN {folder}"
        findings.append(Finding("WARN", "split", message, action))
    return findings


def _document_findings(tree: FolderTree) -> list[Finding]:
    """Reports the folders that hold no images."""
    folders = [str(path) for path in document_folders(tree.root)]
    if not folders:
        return []
    message = f"no images, but other files are in {list_some(folders, 3)}"
    return [Finding("WARN", "empty folders", message, "left out")]


def _same_folders_findings(tree: FolderTree) -> list[Finding]:
    """Warns of class folders that all hold the same folders: they may be a split."""
    inner = same_folders(tree)
    if not inner:
        return []
    outer = list_some([place.name for place in tree.classes], 3)
    message = f"each of the folders {outer} of {tree.root} holds the folders {list_some(inner, 3)}"
    action = f"read as the classes {outer}; rename them to train, validation and test if they are"
    action += f" a split and {list_some(inner, 3)} are the classes"
    return [Finding("WARN", "split", message, action)]


def _refuse_empty_classes(
    tree: FolderTree,
    files: Mapping[ClassFolder, FolderFiles],
    names: Mapping[str, str],
    findings: list[Finding],
) -> None:
    """Refuses a class without images; one without images in a part is reported.

    Raises:   DataError with the findings when all of its images cannot be read.
    """
    counts = Counter[str]()
    for place, some in files.items():
        counts[names[place.name]] += len(some.images)
    for place, some in files.items():
        if counts[names[place.name]]:
            if not some.images:
                message = f"the class folder {place.folder} contains no images"
                findings.append(Finding("WARN", "empty folders", message, "left out"))
            continue
        failures = [item for item in findings if item.level == "FAIL" and some.unreadable]
        for failure in failures:
            raise DataError(failure.message, do=failure.action[:1].upper() + failure.action[1:])
        raise DataError(
            f"the class folder {place.folder} contains no images",
            allowed="files ending in " + ", ".join(SUFFIXES),
            do="Remove the folder, or add images" if not some.unreadable else "",
        )


def _parts(
    tree: FolderTree,
    images: Mapping[ClassFolder, Sequence[Path]],
    labels: Sequence[str],
    findings: list[Finding],
    *,
    use: bool,
) -> dict[str, NDArray[np.int64]] | None:
    """Returns the positions of the parts that split folders give, and reports them.

    Raises:   DataError for a class that the training folder has not.
    """
    if not tree.parts:
        return None
    named = {part: list_some(names, 3) for part, names in tree.parts.items() if names}
    listed = " and ".join(filter(None, [", ".join([*named.values()][:-1]), [*named.values()][-1]]))
    folders = f"the {'folders' if len(named) > 1 else 'folder'} {listed}"
    if not use:
        message = f"{folders} are joined, as input.split_folders=false says"
        findings.append(Finding("WARN", "split", message, "the split is drawn at random"))
        return None
    member = np.array([place.part for place, some in images.items() for _ in some])
    parts = {part: np.flatnonzero(member == part) for part in PARTS}
    held_out = {part: rows for part, rows in parts.items() if part != "train" and len(rows)}
    _refuse_unlearned(tree.root, labels, parts, findings)
    counts = ", ".join(f"{part} {len(rows)}" for part, rows in parts.items() if len(rows))
    drawn = [part for part in PARTS[1:] if part not in held_out]
    more = f"; {' and '.join(drawn)} {'is' if len(drawn) == 1 else 'are'} drawn from train"
    message = f"{folders} {'are' if len(named) > 1 else 'is'} the split ({counts} images)"
    action = "input.split_folders=false joins them and splits at random"
    findings.append(Finding("PASS", "split", message + (more if drawn else ""), action))
    return {"train": parts["train"], **held_out} if held_out else None


def _refuse_unlearned(
    root: Path,
    labels: Sequence[str],
    parts: Mapping[str, NDArray[np.int64]],
    findings: list[Finding],
) -> None:
    """Refuses classes that only a held-out part has, and reports those it lacks."""
    classes = {part: {labels[row] for row in rows} for part, rows in parts.items()}
    for part in PARTS[1:]:
        unlearned = sorted(classes[part] - classes["train"])
        if unlearned:
            close = nearest(unlearned[0], classes["train"], limit=1)
            hint = f" (is it '{close[0]}'?)" if close else ""
            raise DataError(
                f"the {part} folder of {root} has the class '{unlearned[0]}'{hint}, "
                "which the training folder has not"
                + (f", and {len(unlearned) - 1} more such classes" if len(unlearned) > 1 else ""),
                got="the training classes " + list_some(sorted(classes["train"]), 5),
                do="Add training images of it, remove its folder, or set "
                "input.split_folders=false to split all images at random",
            )
        absent = sorted(classes["train"] - classes[part])
        if absent and len(parts[part]):
            message = f"the {part} folder has no images of the class {list_some(absent, 3)}"
            findings.append(Finding("WARN", "split", message, "its score says nothing of them"))


def _without_companions(
    images: Mapping[K, list[Path]],
) -> tuple[dict[K, list[Path]], list[Path], list[Finding]]:
    """Separates images from masks with the same name and another file extension.

    A net that received the masks as inputs would see the target.
    """
    endings = Counter(path.suffix.lower() for paths in images.values() for path in paths)
    stems = Counter(path.with_suffix("") for paths in images.values() for path in paths)
    paired = sum(count > 1 for count in stems.values())
    photo = next((ending for ending in (".jpg", ".jpeg") if endings[ending]), None)
    if photo is None or not paired or paired < _COMPANION_SHARE * len(stems):
        return dict(images), [], []
    photos = {
        name: [path for path in paths if path.suffix.lower() == photo]
        for name, paths in images.items()
    }
    others = [path for paths in images.values() for path in paths if path.suffix.lower() != photo]
    named = ", ".join(sorted(ending for ending in endings if ending != photo))
    message = (
        f"{len(others)} images ({named}) share the name of a {photo} image beside them: "
        "they look like masks"
    )
    return (
        photos,
        others,
        [Finding("WARN", "masks", message, "only output.mask uses them")],
    )
