"""Split folders: folders named train, validation and test, above or below the classes.

photos/train/cat, photos/test/cat        the usual form of a published data set
photos/cat/train, photos/cat/test        the same below each class
photos/train/1.jpg, photos/test/1.jpg    without classes, where masks are the target

A folder is a part when one word of its name says so (`train`, `Training_set`,
`val2017`, `seg_test`) and when it holds class folders that the training folder holds,
too. So a class that is called `train` stays a class.

Example:  >>> [part_of(name) for name in ("train", "Valid", "seg_test", "contest")]
          ['train', 'validation', 'test', '']
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kissipo.core.errors import DataError
from kissipo.core.text import list_some
from kissipo.input.formats.images.image_files import files_below, files_in, subfolders

PARTS = ("train", "validation", "test")
_NAMES = {
    "train": "train training trn trainset tr learn learning trainingsdaten trainingsset"
    " entrainement apprentissage entrenamiento treino treinamento addestramento обучение"
    " 训练 训练集 訓練 学習 학습 훈련",
    "validation": "val valid validation validate validating dev development valset devset va"
    " validierung validierungsdaten validacion validacao convalida валидация 验证 验证集 検証 검증",
    "test": "test testing tst testset te eval evaluation holdout testdaten prueba pruebas teste"
    " тест 测试 测试集 テスト 테스트",
}
_WORDS = {word: part for part, words in _NAMES.items() for word in words.split()}
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_]+")
_DOCUMENTS = frozenset(
    (
        ".txt",
        ".csv",
        ".tsv",
        ".json",
        ".xml",
        ".yaml",
        ".yml",
        ".md",
        ".lst",
        ".pkl",
        ".mat",
        ".pdf",
    )
)
_NEUTRAL = frozenset(
    ("set", "data", "dataset", "images", "image", "imgs", "img", "photos", "split")
)


@dataclass(frozen=True)
class ClassFolder:
    """A folder of images of one class, in one part of the split.

    name:      the name of the folder; '' where the images have no class
    part:      train, validation or test; '' without split folders
    """

    name: str
    folder: Path
    part: str = ""


@dataclass(frozen=True)
class FolderTree:
    """The class folders below a folder, and how they were found.

    root:      the folder that holds them, which may lie deeper than the one named
    parts:     the names of the folders of each part; empty without split folders
    unused:    folders with images beside the split folders
    """

    root: Path
    classes: tuple[ClassFolder, ...]
    parts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unused: tuple[Path, ...] = ()


def part_of(name: str) -> str:
    """Returns the part of the split that a name says, else ''."""
    parts = {_WORDS[word] for word in _words(name) if word in _WORDS}
    return parts.pop() if len(parts) == 1 else ""


def class_tree(folder: Path, *, masks: Path | None, flat: bool) -> FolderTree:
    """Returns the class folders of a folder, with the split that its folders are.

    masks:    a folder of masks, which is not a class
    flat:     whether the images need no classes
    Raises:   DataError for folders of a split without a training folder, and for those
              that hold images without class folders.
    """
    flat = flat or masks is not None
    root = folder if masks is not None else unwrapped(folder)
    folders = [path for path in image_folders(root) if masks is None or not _is_same(path, masks)]
    plain = FolderTree(root, tuple(ClassFolder(path.name, path) for path in folders))
    return _above(root, folders, flat=flat) or _below(root, folders) or plain


def unwrapped(folder: Path) -> Path:
    """Returns the only folder inside a folder, as long as the classes lie deeper.

    An archive is often unpacked into a folder of its own.
    """
    while True:
        inside = image_folders(folder)
        if len(inside) != 1 or files_in(folder).has_images:
            return folder
        is_repeated = inside[0].name == folder.name
        if not is_repeated and (not subfolders(inside[0]) or files_in(inside[0]).has_images):
            return folder
        folder = inside[0]


def image_folders(folder: Path) -> list[Path]:
    """Returns the folders in a folder without those of lists and notes alone, such as
    `meta` and `annotations`."""
    return [path for path in subfolders(folder) if not _has_documents_alone(path)]


def document_folders(folder: Path) -> list[Path]:
    """Returns the folders in a folder that hold lists and notes alone."""
    return [path for path in subfolders(folder) if _has_documents_alone(path)]


def _has_documents_alone(folder: Path) -> bool:
    files = files_below(folder)
    kinds = {path.suffix.lower() for path in files.others}
    return bool(kinds) and kinds <= _DOCUMENTS and not files.has_images and not files.misnamed


def same_folders(tree: FolderTree) -> list[str]:
    """Returns the folders inside each class folder, where all have the same ones and
    no images beside them: the classes may be these folders."""
    if tree.parts or len(tree.classes) < 2:
        return []
    inside = [[path.name for path in image_folders(place.folder)] for place in tree.classes]
    is_same = all({*map(_plain, names)} == {*map(_plain, inside[0])} for names in inside)
    has_images = any(files_in(place.folder).has_images for place in tree.classes)
    return inside[0] if is_same and len(inside[0]) > 1 and not has_images else []


def _above(root: Path, folders: Sequence[Path], *, flat: bool) -> FolderTree | None:
    """Returns the tree where the parts stand above the classes."""
    parts = {path: part_of(path.name) for path in folders}
    inner = {path: unwrapped(path) for path, part in parts.items() if part}
    if len({part for part in parts.values() if part}) < 2:
        return None
    names = {path: [entry.name for entry in subfolders(place)] for path, place in inner.items()}
    trained = {_plain(name) for path in inner if parts[path] == "train" for name in names[path]}
    if not trained:
        _refuse_no_training_folder(root, parts, names)
        return _without_classes(root, folders, inner, flat=flat)
    used = [path for path in inner if {_plain(name) for name in names[path]} & trained]
    filled = [path for path in folders if files_below(path).has_images]
    others = [path for path in filled if path not in used]
    if len({parts[path] for path in used}) < 2 and not all(map(is_part_name, filled)):
        return None
    classes = [
        ClassFolder(name, inner[path] / name, part)
        for part in PARTS
        for path in used
        if parts[path] == part
        for name in names[path]
    ]
    named = {part: [path.name for path in used if parts[path] == part] for part in PARTS}
    return FolderTree(root, tuple(classes), named, tuple(others))


def _without_classes(
    root: Path, folders: Sequence[Path], inner: Mapping[Path, Path], *, flat: bool
) -> FolderTree | None:
    """Returns the tree where the parts hold images directly.

    A class named `train` that lies beside other classes is not a part."""
    filled = [path for path in folders if files_in(inner.get(path, path)).has_images]
    parts = {part_of(path.name) for path in filled}
    if not all(map(is_part_name, filled)) or len(parts) < 2:
        return None
    if not flat and not any(_has_companions(inner[path]) for path in filled):
        names = list_some((path.name for path in filled), 3)
        raise DataError(
            f"the folders {names} of {root} hold images and no class folders",
            allowed=f"folders such as {filled[0]}/good and {filled[0]}/bad",
            do="Sort the images of each part into class folders; if these names are the "
            f"classes, rename them, for example to class-{filled[0].name}",
        )
    if "train" not in parts:
        return None
    used = [(part, path) for part in PARTS for path in filled if part_of(path.name) == part]
    classes = tuple(ClassFolder("", inner[path], part) for part, path in used)
    named = {part: [path.name for other, path in used if other == part] for part in PARTS}
    return FolderTree(root, classes, named)


def _below(root: Path, folders: Sequence[Path]) -> FolderTree | None:
    """Returns the tree where each class folder holds the same parts."""
    inside = {path: subfolders(path) for path in folders}
    names = [sorted(part_of(entry.name) for entry in entries) for entries in inside.values()]
    are_parts = all(is_part_name(entry) for entries in inside.values() for entry in entries)
    if len(folders) < 2 or not are_parts or any(some != names[0] for some in names):
        return None
    if "train" not in names[0] or len(set(names[0])) < 2:
        return None
    if any(files_in(path).has_images for path in folders):
        return None
    classes = [
        ClassFolder(path.name, entry, part)
        for part in PARTS
        for path in folders
        for entry in inside[path]
        if part_of(entry.name) == part
    ]
    entries = [entry.name for path in folders for entry in inside[path]]
    named = {
        part: [name for name in dict.fromkeys(entries) if part_of(name) == part] for part in PARTS
    }
    return FolderTree(root, tuple(classes), named)


def _refuse_no_training_folder(
    root: Path, parts: Mapping[Path, str], names: Mapping[Path, Sequence[str]]
) -> None:
    """Refuses a validation and a test folder with the same class folders."""
    if "train" in parts.values():
        return
    shared = {_plain(name) for some in list(names.values())[:1] for name in some}
    if shared and all(shared & {_plain(name) for name in some} for some in names.values()):
        listed = list_some((path.name for path in names), 3)
        raise DataError(
            f"the folders {listed} of {root} hold the same class folders, and none of them "
            "is the training folder",
            do="Rename the one to learn from to train, or name one of them, such as "
            f"{next(iter(names))}",
        )


def _has_companions(folder: Path) -> bool:
    """Whether a folder holds masks beside photos: equal names with two endings."""
    images = files_in(folder).images
    stems = {path.stem for path in images}
    return len(images) > len(stems)


def is_part_name(path: Path) -> bool:
    """Whether a name says a part of the split and nothing else."""
    words = [word for word in _words(path.name) if word not in _NEUTRAL and not word.isdigit()]
    return len(words) == 1 and words[0] in _WORDS


def _words(name: str) -> list[str]:
    """Splits a name into words in lower case: `trainSet2017` has three."""
    letters = unicodedata.normalize("NFKD", name.strip())
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    words = [word.lower() for word in _WORD.findall(unicodedata.normalize("NFC", plain))]
    return " ".join(words).replace("hold out", "holdout").split()


def _plain(name: str) -> str:
    return name.strip().casefold()


def _is_same(path: Path, other: Path) -> bool:
    return path.resolve() == other.resolve()
