"""Saving and loading that is interrupted, or finds no memory, says so and leaves whole files."""

import io
import os
import sys
import zipfile

import numpy as np
import pytest

import fastnet
from fastnet import Checkpoint
from fastnet.persistence import archives
from fastnet.persistence.archives import npz_pieces

FORMS = ["npz", "json", "safetensors"]
#: A file that was opened, and Ctrl-C came before anything could take hold of it.
LOST = "ignore::pytest.PytestUnraisableExceptionWarning"


def network(seed=0, **options):
    return fastnet.Network([3, 4, 2], rng=seed, **options)


def interrupted(action, error, lines):
    """Do it, raising the error at one of its lines of Python after the other; yield what came.

    Finalizers are left out: what is raised there Python itself drops, whoever wrote them.
    """
    for line in lines:
        left, stopped = line, False

        def trace(frame, event, _):
            nonlocal left, stopped
            if event == "call" and finalizes(frame):
                return None
            if event == "line":
                left -= 1
                if left == 0:
                    stopped = True
                    sys.settrace(None)
                    raise error
            return trace

        raised, before = None, sys.gettrace()
        sys.settrace(trace)
        try:
            action()
        except BaseException as caught:
            raised = caught
        finally:
            sys.settrace(before)
        if not stopped:
            return
        yield raised


def finalizes(frame):
    """Whether this is, or is called by, what zipfile closes its objects by."""
    while frame is not None:
        names = frame.f_code.co_name, os.path.basename(frame.f_code.co_filename)
        if names[0] in ("__del__", "close", "_fpclose") and names[1] != "native.py":
            return True
        frame = frame.f_back
    return False


@pytest.mark.filterwarnings(LOST)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_what_stops_it_at_any_line_is_what_is_raised(form, error, tmp_path):
    """Never what closing half an archive raises; the old file stays, or the new one is whole."""
    if form == "safetensors":
        pytest.importorskip("safetensors", reason="safetensors is missing")
    path = tmp_path / f"net.{form}"
    old, new = network(), network(1)
    old.save(path)
    times = 0
    for raised in interrupted(lambda: new.save(path), error, range(1, 10**4, 3)):
        times += 1
        assert type(raised) is error
        assert os.listdir(tmp_path) == [path.name]
        found = fastnet.load(path).parameters.tobytes()
        assert found in (old.parameters.tobytes(), new.parameters.tobytes())
        old.save(path)
    assert times > 20
    times = 0
    for raised in interrupted(lambda: fastnet.load(path), error, range(1, 10**5, 7)):
        times += 1
        assert type(raised) is error
    assert times > 20


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("where", ["arrays_of", "replace_file", "read_model", "parse_json"])
def test_a_lack_of_memory_names_the_file(form, where, tmp_path, monkeypatch):
    if form == "safetensors":
        pytest.importorskip("safetensors", reason="safetensors is missing")
    module = {"npz": "native", "json": "book_json"}.get(form, form)
    path = tmp_path / f"net.{form}"
    network().save(path)

    def no_memory_at_all(*_, **__):
        raise MemoryError

    try:
        monkeypatch.setattr(f"fastnet.persistence.{module}.{where}", no_memory_at_all)
    except AttributeError:
        pytest.skip(f"{module} does not use {where}")
    writes = where in ("arrays_of", "replace_file")
    with pytest.raises(MemoryError) as caught:
        network().save(path) if writes else fastnet.load(path)
    told = f"{'saving' if writes else 'loading'} {str(path)!r}: there is not enough memory"
    assert str(caught.value) == told


def test_a_checkpoint_that_finds_no_memory_is_a_warning(tmp_path, monkeypatch):
    """Where the moment is copied, and where it is written: training goes on to the same bits."""
    X, y = np.random.default_rng(0).random((20, 3)), np.arange(20) % 2
    twin = network()
    twin.train((X, y), 3, 4)
    for where in ("fastnet.resuming._as_rows", "fastnet.persistence.native.npz_pieces"):
        net, keeper = network(), Checkpoint(tmp_path / "run.npz", 3, unit="mini_batches")
        with monkeypatch.context() as patch:
            patch.setattr(where, no_memory)
            with pytest.warns(RuntimeWarning, match=r"run\.npz' was not written \(.*no memory"):
                net.train((X, y), 3, 4, callbacks=keeper)
        np.testing.assert_array_equal(net.parameters, twin.parameters)


def no_memory(*_):
    raise MemoryError("no memory")


# --- the archives themselves ---------------------------------------------------------------------

ARRAYS = {
    "small": np.arange(6, dtype="<f4").reshape(2, 3),
    "turned": np.arange(6, dtype="<f8").reshape(2, 3).T,
    "cut": np.arange(20, dtype="<i8").reshape(4, 5)[::2, ::2],
    "none": np.empty((0, 3)),
    "one": np.array(7.5),
    "bytes": np.frombuffer(b"header", np.uint8),
}


@pytest.mark.parametrize("large", [2**32 - 1, 50, 0])
@pytest.mark.parametrize("many", [2**16 - 1, 2])
def test_archives_are_those_that_zipfile_and_numpy_read(large, many, monkeypatch):
    """With fields of eight bytes too, which else only files of 4 GB and more have."""
    monkeypatch.setattr(archives, "LARGE", large)
    monkeypatch.setattr(archives, "LARGE_COUNT", many)
    if large < 2**32 - 1:
        monkeypatch.setattr(archives, "LARGE_COUNT", 0)
    content = b"".join(npz_pieces(ARRAYS))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"{name}.npy" for name in ARRAYS]
        for info in archive.infolist():
            assert info.compress_type == zipfile.ZIP_STORED and info.file_size == info.compress_size
    with np.load(io.BytesIO(content)) as found:
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(found[name], array, strict=True)
            assert found[name].flags.f_contiguous == (name in ("turned", "none", "one", "bytes"))


def test_files_are_the_same_each_time(tmp_path):
    for name in ("a.npz", "b.npz"):
        network().save(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_safetensors_are_the_librarys_to_the_byte(tmp_path):
    library = pytest.importorskip("safetensors.numpy", reason="safetensors is missing")
    safe_open = pytest.importorskip("safetensors", reason="safetensors is missing").safe_open
    for dtype in (np.float32, np.float64):
        net = fastnet.Network([3, *[2] * 11, 2], rng=0, dtype=dtype)
        net.preprocessing = fastnet.Preprocessing(
            mean=np.arange(3.0), scale=np.ones(3), labels=['\u00e9"\\', "b"]
        )
        path = tmp_path / "net.safetensors"
        net.save(path)
        with safe_open(path, framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            content = library.save(tensors, metadata=file.metadata())
        assert path.read_bytes() == content
