"""The embedded MNIST, and the readers of IDX files (those of .npz have test_datasets_npz.py).

Files are written here by struct, gzip and NumPy's own savez, never by the library.
"""

import gzip
import hashlib
import math
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fastnet import datasets
from fastnet.datasets import load_idx, load_idx_folder, load_mnist, load_npz_arrays
from fastnet.datasets.tables import read_tables

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
FORMATS = {"u1": "B", "i1": "b", "i2": "h", "i4": "i", "f4": "f", "f8": "d"}
MIB = 2**20


def idx_bytes(array, kind="u1"):
    """Write an IDX file element by element."""
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, CODES[kind], array.ndim, *array.shape)
    return head + struct.pack(f">{array.size}{FORMATS[kind]}", *array.ravel().tolist())


def peak_of(call):
    """Return the most memory that Python and NumPy held during a call, in bytes."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def raw():
    return load_mnist(raw=True)


# --- MNIST ---------------------------------------------------------------------------------------

MNIST_FOLDER = Path(datasets.__file__).parent / "mnist"

# Checksums of the database's unpacked files, as published in many places.
UNPACKED = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def test_mnist_files_have_their_checksums():
    listed = (MNIST_FOLDER / "SHA256SUMS").read_text().split()
    sums = dict(zip(listed[1::2], listed[::2], strict=True))
    assert set(sums) == {f"{name}.gz" for name in UNPACKED}
    for name, expected in sums.items():
        data = (MNIST_FOLDER / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == expected
        unpacked = hashlib.sha256(gzip.decompress(data)).hexdigest()
        assert unpacked == UNPACKED[name.removesuffix(".gz")]


def test_mnist_says_whose_it_is():
    text = (MNIST_FOLDER / "README.md").read_text()
    for word in ("Yann LeCun", "Corinna", "Cortes", "CC BY-SA 3.0"):
        assert word in text


def test_mnist_shapes_and_types(raw):
    assert raw._fields == ("train", "validation", "test")
    assert [part.X.shape for part in raw] == [(50_000, 784), (10_000, 784), (10_000, 784)]
    assert [part.y.shape for part in raw] == [(50_000,), (10_000,), (10_000,)]
    assert {part.X.dtype for part in raw} == {np.dtype(np.uint8)}
    assert {part.y.dtype for part in raw} == {np.dtype(np.int64)}


def test_mnist_has_the_known_number_of_each_digit(raw):
    train = np.bincount(raw.train.y) + np.bincount(raw.validation.y)
    assert train.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(raw.test.y).tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]


def test_mnist_is_in_the_order_of_its_files(raw):
    images = gzip.decompress((MNIST_FOLDER / "train-images-idx3-ubyte.gz").read_bytes())[16:]
    labels = gzip.decompress((MNIST_FOLDER / "train-labels-idx1-ubyte.gz").read_bytes())[8:]
    assert raw.train.X.tobytes() + raw.validation.X.tobytes() == images
    assert bytes(raw.train.y.tolist()) + bytes(raw.validation.y.tolist()) == labels
    images = gzip.decompress((MNIST_FOLDER / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    assert raw.test.X.tobytes() == images


def test_mnist_has_the_known_mean_and_deviation(raw):
    # The constants with which others standardise MNIST: 0.1307 and 0.3081, of byte / 255.
    pixels = np.concatenate([raw.train.X, raw.validation.X])
    counts = np.bincount(pixels.ravel(), minlength=256)
    values = np.arange(256) / 255
    mean = (counts * values).sum() / pixels.size
    assert mean == pytest.approx(0.1307, abs=5e-5)
    assert math.sqrt((counts * (values - mean) ** 2).sum() / pixels.size) == pytest.approx(
        0.3081, abs=5e-5
    )


@pytest.mark.parametrize("dtype", [np.float64, np.float32, "f4"])
def test_mnist_pixels_are_bytes_over_256(raw, dtype):
    mnist = load_mnist(dtype=dtype)
    for part, bytes_ in zip(mnist, raw, strict=True):
        assert part.X.dtype == np.dtype(dtype)
        assert part.X.flags.c_contiguous and part.X.flags.writeable
        assert np.array_equal(part.X[::7], bytes_.X[::7].astype(np.float64) / 256)
        assert np.array_equal(part.y, bytes_.y)
    assert mnist.train.X.max() == 255 / 256


def test_mnist_is_float64_unless_asked():
    assert load_mnist().test.X.dtype == np.float64


@pytest.mark.parametrize("dtype", [np.int64, np.float16, np.complex128, object, ">f8"])
def test_mnist_refuses_other_types(dtype):
    if np.dtype(dtype) == np.float64:
        pytest.fail("on this machine >f8 is the native type: choose <f8 here")
    with pytest.raises(ValueError, match="expected float64 or float32"):
        load_mnist(dtype=dtype)


def test_mnist_refuses_what_is_no_type():
    with pytest.raises(TypeError, match="not a data type; expected float64 or float32"):
        load_mnist(dtype="digits")


def test_importing_datasets_loads_no_archive_module(tmp_path):
    heavy = "{'gzip', 'zipfile', 'tempfile', 'matplotlib', 'rich'}"
    code = (
        "import sys, numpy; before = set(sys.modules); import fastnet.datasets; "
        f"print(sorted((set(sys.modules) - before) & {heavy}))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert answer.stdout == "[]\n"


# --- IDX: what is read ---------------------------------------------------------------------------


@st.composite
def idx_arrays(draw):
    kind = draw(st.sampled_from(sorted(CODES)))
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5))
    return kind, draw(hnp.arrays(np.dtype(kind), shape))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(idx_arrays(), st.booleans())
def test_idx_gives_back_what_was_written(tmp_path, kind_and_array, packed):
    kind, array = kind_and_array
    data = idx_bytes(array, kind)
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(data) if packed else data)
    read = load_idx(path)
    assert read.dtype == array.dtype and read.dtype.isnative
    assert read.shape == array.shape
    assert read.tobytes() == array.tobytes() or np.array_equal(read, array, equal_nan=True)
    assert read.flags.writeable and read.flags.aligned


def test_idx_is_recognised_by_content_not_by_name(tmp_path):
    data = idx_bytes(np.array([3, 1, 2]))
    (tmp_path / "plain.gz").write_bytes(data)
    (tmp_path / "packed").write_bytes(gzip.compress(data))
    for name in ("plain.gz", "packed"):
        assert load_idx(str(tmp_path / name)).tolist() == [3, 1, 2]


def test_idx_reads_a_gzip_file_of_several_members(tmp_path):
    data = idx_bytes(np.arange(100))
    (tmp_path / "file").write_bytes(gzip.compress(data[:50]) + gzip.compress(data[50:]))
    assert load_idx(tmp_path / "file").tolist() == list(range(100))


def test_idx_larger_than_one_piece_is_read_whole(tmp_path):
    data = np.random.default_rng(5).integers(0, 256, (3 * MIB + 17,), dtype=np.uint8)
    head = struct.pack(">BBBBI", 0, 0, 8, 1, data.size)
    for content in (head + data.tobytes(), gzip.compress(head + data.tobytes(), 1)):
        (tmp_path / "file").write_bytes(content)
        assert np.array_equal(load_idx(tmp_path / "file"), data)


# --- IDX: what is refused ------------------------------------------------------------------------

GOOD = idx_bytes(np.arange(24).reshape(2, 3, 4))
PACKED = gzip.compress(GOOD)
BIG = struct.pack(">BBBB3I", 0, 0, 0x0E, 3, *[2**32 - 1] * 3)

REFUSED = {
    "empty": (b"", "not an IDX file"),
    "three bytes": (GOOD[:3], "not an IDX file"),
    "text": (b"x,y\n1,2\n", "not an IDX file"),
    "unknown element type": (b"\0\0\x0a" + GOOD[3:], "not an IDX file"),
    "no dimensions": (b"\0\0\x08\0\x05", "not an IDX file"),
    "ends within the lengths": (GOOD[:9], "ends within the lengths"),
    "no data": (GOOD[:16], "truncated: its header declares 24 bytes of data, and 0 follow"),
    "one byte short": (GOOD[:-1], "declares 24 bytes of data, and 23 follow"),
    "one byte more": (GOOD + b"\0", "goes on after the 24 bytes"),
    "enormous": (BIG + b"\0" * 30, "more than an array can hold"),
    "large and absent": (struct.pack(">BBBBI", 0, 0, 8, 1, 2**32 - 1) + b"\0" * 9, "and 9 follow"),
    "empty but enormous": (
        struct.pack(">BBBB4I", 0, 0, 0x0E, 4, 0, *[2**32 - 1] * 3),
        "more than an array can hold",
    ),
    "255 dimensions": (
        b"\0\0\x08\xff" + struct.pack(">255I", *[1] * 255) + b"x",
        "1 x 1 x 1 x 1 x",
    ),
    "gzip: cut in its header": (PACKED[:5], "not a valid gzip file"),
    "gzip: cut in its data": (PACKED[:-12], "not a valid gzip file"),
    "gzip: cut in its checksum": (PACKED[:-6], "not a valid gzip file"),
    "gzip: wrong checksum": (PACKED[:-8] + b"abcd" + PACKED[-4:], "not a valid gzip file"),
    "gzip: wrong length": (PACKED[:-4] + b"\1\0\0\0", "not a valid gzip file"),
    "gzip: not deflated": (PACKED[:2] + b"\7" + PACKED[3:], "not a valid gzip file"),
    "gzip: spoiled stream": (PACKED[:10] + b"\xff" * 9 + PACKED[19:], "not a valid gzip file"),
    "gzip: followed by rubbish": (PACKED + b"rubbish", "not a valid gzip file"),
    "gzip: followed by more data": (PACKED + gzip.compress(b"\0"), "goes on after the 24 bytes"),
    "gzip of rubbish": (gzip.compress(b"rubbish"), "not an IDX file"),
    "gzip of too little": (gzip.compress(GOOD[:-1]), "and 23 follow"),
    "gzip of gzip": (gzip.compress(PACKED), "not an IDX file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_idx_refuses_and_says_why(tmp_path, case):
    data, reason = REFUSED[case]
    path = tmp_path / "the-file"
    path.write_bytes(data)
    with pytest.raises(ValueError) as caught:
        load_idx(path)
    assert type(caught.value) is ValueError
    assert reason in str(caught.value) and "the-file" in str(caught.value)


def test_idx_missing_file_and_folder_raise_as_open_does(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing-here"):
        load_idx(tmp_path / "nothing-here")
    with pytest.raises(IsADirectoryError):
        load_idx(tmp_path)
    with pytest.raises(TypeError):
        load_idx(3)


def test_idx_allocates_for_what_is_there_not_for_what_is_declared(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(struct.pack(">BBBBI", 0, 0, 0x0E, 1, 2**28) + b"\0" * 1000)  # 2 GiB declared
    refused = pytest.raises(ValueError, match="truncated")

    def load():
        with refused:
            load_idx(path)

    assert peak_of(load) < 2 * MIB


def test_idx_does_not_unpack_what_follows_the_data(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(GOOD + b"\0" * (60 * MIB), 1))

    def load():
        with pytest.raises(ValueError, match="goes on after the 24 bytes"):
            load_idx(path)

    assert peak_of(load) < 4 * MIB


def test_idx_refuses_a_bomb_that_declares_itself(tmp_path):
    n = 80 * MIB
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(struct.pack(">BBBBI", 0, 0, 8, 1, n) + b"\0" * n, 1))

    def load():
        with pytest.raises(ValueError, match="more than 100 times"):
            load_idx(path)

    assert peak_of(load) < 4 * MIB
    path.write_bytes(gzip.decompress(path.read_bytes()))  # the same data, plain, are no bomb
    assert load_idx(path).shape == (n,)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_idx_never_fails_in_another_way(tmp_path, data):
    content = bytearray(data.draw(st.sampled_from([GOOD, PACKED])))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    path = tmp_path / "file"
    path.write_bytes(content)
    try:
        array = load_idx(path)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        # Whatever was changed, the answer is what the (unpacked) bytes say.
        plain = bytes(content) if content[:2] != b"\x1f\x8b" else gzip.decompress(bytes(content))
        kinds = {code: kind for kind, code in CODES.items()}
        assert idx_bytes(array, kinds[plain[2]])[:4] == plain[:4]
        assert array.nbytes == len(plain) - 4 - 4 * plain[3]


# --- folders of four files -----------------------------------------------------------------------


def four(n_train=6, n_test=4, side=3):
    rng = np.random.default_rng(1)
    return [
        rng.integers(0, 256, (n_train, side, side)),
        rng.integers(0, 10, n_train),
        rng.integers(0, 256, (n_test, side, side)),
        rng.integers(0, 10, n_test),
    ]


def write_folder(folder, arrays, mark="-", end=""):
    stems = ("train-images", "train-labels", "t10k-images", "t10k-labels")
    for stem, array in zip(stems, arrays, strict=True):
        data = idx_bytes(array)
        kind = f"idx{array.ndim}-ubyte" if array.ndim in (1, 3) else "idx3-ubyte"
        content = gzip.compress(data) if end else data
        (folder / f"{stem}{mark}{kind}{end}").write_bytes(content)


@pytest.mark.parametrize("mark", ["-", "."])
@pytest.mark.parametrize("end", ["", ".gz"])
def test_folder_is_read_under_each_of_the_usual_names(tmp_path, mark, end):
    arrays = four()
    write_folder(tmp_path, arrays, mark, end)
    read = load_idx_folder(tmp_path)
    assert [a.shape for a in read] == [(6, 9), (6,), (4, 9), (4,)]
    for got, written in zip(read, arrays, strict=True):
        assert got.dtype == np.uint8
        assert got.ravel().tolist() == written.ravel().tolist()


def test_folder_without_a_file_says_which(tmp_path):
    write_folder(tmp_path, four())
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(
        FileNotFoundError, match="no t10k-labels file; expected one of t10k-labels-"
    ):
        load_idx_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        load_idx_folder(tmp_path / "no-folder")


def shorten(arrays):
    arrays[1] = arrays[1][:-1]


def widen(arrays):
    arrays[2] = np.zeros((4, 3, 5), dtype=int)


def flatten_images(arrays):
    arrays[0] = arrays[0].ravel()


def square_labels(arrays):
    arrays[3] = arrays[3].reshape(2, 2)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (shorten, r"has shape \(5,\), and .* has 6 rows"),
        (widen, "has 9 values and .* has 15"),
        (flatten_images, r"has shape \(54,\); expected one row or image per example"),
        (square_labels, r"has shape \(2, 2\), and .* has 4 rows; expected one label per row"),
    ],
)
def test_four_arrays_must_belong_together(tmp_path, change, reason):
    arrays = four()
    change(arrays)
    stems = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    for stem, array in zip(stems, arrays, strict=True):
        (tmp_path / f"{stem}-ubyte").write_bytes(idx_bytes(array))
    with pytest.raises(ValueError, match=reason):
        load_idx_folder(tmp_path)
    X_train, y_train, X_test, y_test = arrays
    np.savez(tmp_path / "four.npz", X_train=X_train, y_train=y_train, X_test=X_test, y_test=y_test)
    with pytest.raises(ValueError, match=reason):
        load_npz_arrays(tmp_path / "four.npz")


# --- sets made in MNIST's likeness, in the layouts in which they are published -------------------


def letters(n, first=1):
    """Return images of a J, whose orientation shows, and labels that begin with `first`."""
    images = np.zeros((n, 4, 4), dtype=int)
    images[:, :, 2] = 200
    images[:, 3, 0] = np.arange(n) + 1
    return images, np.arange(n) % 3 + first


def write_set(folder, stem, arrays, kinds=("u1", "u1")):
    """Write images and labels as gzipped IDX files; EMNIST's images with rows for columns."""
    for what, array, kind in zip(("images", "labels"), arrays, kinds, strict=True):
        form = {"u1": "ubyte", "i4": "int"}[kind]
        name = f"{stem}-{what}-idx{array.ndim}-{form}.gz"
        (folder / name).write_bytes(gzip.compress(idx_bytes(array, kind)))


@pytest.fixture
def emnist(tmp_path):
    for split in ("letters", "digits"):
        for part, n in (("train", 7), ("test", 4)):
            images, y = letters(n, first=split == "letters")
            write_set(tmp_path, f"emnist-{split}-{part}", (images.transpose(0, 2, 1), y))
    (tmp_path / "emnist-letters-mapping.txt").write_text("1 65 97\n")
    return tmp_path


def test_emnist_is_upright(emnist):
    for split in ("letters", "digits"):
        X, y, X_test, y_test = load_idx_folder(emnist / f"emnist-{split}")
        for got, labels, n in ((X, y, 7), (X_test, y_test, 4)):
            images, wanted = letters(n, first=split == "letters")
            assert got.reshape(n, 4, 4).tolist() == images.tolist() and got.dtype == np.uint8
            assert labels.tolist() == wanted.tolist()
    # One file by itself is as it is.
    raw = load_idx(emnist / "emnist-letters-test-images-idx3-ubyte.gz")
    assert raw.tolist() == letters(4)[0].transpose(0, 2, 1).tolist()


def test_of_several_sets_in_a_folder_one_must_be_chosen(emnist, monkeypatch):
    with pytest.raises(ValueError, match="several sets: emnist-digits, emnist-letters; add the na"):
        load_idx_folder(emnist)
    monkeypatch.chdir(emnist)
    assert read_tables("emnist-letters").training.unused == ()
    for path in emnist.glob("emnist-digits-t*"):
        path.unlink()
    assert load_idx_folder(emnist)[1].tolist() == letters(7)[1].tolist()
    (emnist / "emnist-letters-test-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match="has no emnist-letters-test-labels file"):
        load_idx_folder(emnist / "emnist-letters")


def test_a_misspelt_name_of_a_set_gets_the_nearest(emnist, monkeypatch):
    monkeypatch.chdir(emnist)
    sets = "does not exist; the sets in '.' are emnist-digits, emnist-letters."
    for read in (load_idx_folder, read_tables):
        with pytest.raises(FileNotFoundError) as caught:
            read("EMNIST-leters")
        assert str(caught.value) == f"'EMNIST-leters' {sets} Did you mean 'emnist-letters'?"
        with pytest.raises(FileNotFoundError) as caught:
            read("flowers.csv")
        assert str(caught.value) == f"'flowers.csv' {sets}"


def test_qmnist_labels_are_the_first_of_eight_numbers(tmp_path):
    for part, n in (("train", 7), ("test", 4)):
        images, y = letters(n)
        extended = np.stack([y, *(np.full(n, 1000 * k) for k in range(1, 8))], axis=1)
        write_set(tmp_path, f"qmnist-{part}", (images, extended), ("u1", "i4"))
    X, y, X_test, y_test = load_idx_folder(tmp_path)
    assert X.tolist() == letters(7)[0].reshape(7, 16).tolist()
    assert (y.tolist(), y_test.tolist()) == (letters(7)[1].tolist(), letters(4)[1].tolist())
    assert y.shape == (7,) and X_test.shape == (4, 16)


@pytest.mark.parametrize("name", ["kmnist", "k49"])
def test_archives_of_one_array_each_are_read(tmp_path, name):
    for part, n in (("train", 7), ("test", 4)):
        for what, array in zip(("imgs", "labels"), letters(n, 0), strict=True):
            np.savez_compressed(tmp_path / f"{name}-{part}-{what}.npz", array.astype(np.uint8))
    X, y, X_test, y_test = load_idx_folder(tmp_path)
    assert X.tolist() == letters(7)[0].reshape(7, 16).tolist() and X_test.shape == (4, 16)
    assert (y.tolist(), y_test.tolist()) == (letters(7, 0)[1].tolist(), letters(4, 0)[1].tolist())
    np.savez(tmp_path / f"{name}-test-labels.npz", a=[1], b=[2])
    with pytest.raises(ValueError, match="expected one array"):
        load_idx_folder(tmp_path)


def test_keras_archive_is_read(tmp_path):
    (X, y), (X_test, y_test) = letters(7, 0), letters(4, 0)
    path = tmp_path / "mnist.npz"
    np.savez_compressed(path, x_test=X_test, x_train=X, y_train=y, y_test=y_test)
    training, test = read_tables(path)
    for table, images, labels in ((training, X, y), (test, X_test, y_test)):
        assert table.X.tolist() == images.reshape(len(images), 16).tolist()
        assert table.y.tolist() == labels.tolist() and table.unused == ()
