"""Multi30k: 31,014 image captions in English, German, French and Czech.

Source:   Elliott, Frank, Sima'an and Specia 2016 (de); Elliott et al. 2017 (fr);
          Barrault et al. 2018 (cs); the repository multi30k/dataset, task 1, raw.
License:  none stated; captions of Flickr30k, for research.
"""

from kissipo.input.datasets.download import files_at, get
from kissipo.input.formats.aligned_lines import joined, read_aligned
from kissipo.input.source_data import Reading

SOURCES = ("pairs",)
ABOUT = "31,014 image captions and their translations: en, de, fr, cs"
HOME = "https://github.com/multi30k/dataset"
LICENSE = "not stated"
_RAW = (
    "https://raw.githubusercontent.com/multi30k/dataset/"
    "a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw"
)
LANGUAGES = ("en", "de", "fr", "cs")
_SHA256 = {
    "test_2016_flickr.cs.gz": "200a4a74cc9560f051924abb9803be008d1908d77f747e9141aeb86dfd2797f1",
    "test_2016_flickr.de.gz": "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
    "test_2016_flickr.en.gz": "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
    "test_2016_flickr.fr.gz": "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90",
    "train.cs.gz": "a65adb8b32e3bc664f21ecba7a6e7f6950fd1f405e135f7c312faabdb6255077",
    "train.de.gz": "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
    "train.en.gz": "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
    "train.fr.gz": "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c",
    "val.cs.gz": "b63226e05c4bd5dd6a42897d74b86a1b9d2c31498252c572b1ea7f7996927fcc",
    "val.de.gz": "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
    "val.en.gz": "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
    "val.fr.gz": "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9",
}
_STEMS = {"train": "train", "validation": "val", "test": "test_2016_flickr"}
FILES = files_at(_RAW, _SHA256)


def read() -> Reading:
    """Reads a column per language, with the published split; the answer is English."""
    files = {file.name: file for file in FILES}
    frames = [
        read_aligned(
            [get("multi30k", files[f"{stem}.{language}.gz"]) for language in LANGUAGES],
            LANGUAGES,
            "utf-8",
        )
        for stem in _STEMS.values()
    ]
    return joined(frames, list(_STEMS), LANGUAGES, origin="multi30k", answer="en")
