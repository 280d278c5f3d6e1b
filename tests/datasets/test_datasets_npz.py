"""The reader of .npz files, held against files by NumPy's savez and against spoiled ones."""

import io
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fastnet.datasets import load_npz_arrays

KEYS = ("X_train", "y_train", "X_test", "y_test")
MIB = 2**20


def small():
    X = np.arange(12.0).reshape(4, 3)
    return {"X_train": X, "y_train": np.arange(4), "X_test": X[:2], "y_test": np.arange(2)}


def npy(array, version=None):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=version)
    return buffer.getvalue()


def npy_with_header(header, data, version=1):
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + data


def archive(path, compression=zipfile.ZIP_DEFLATED, **members):
    """Write the four arrays, with the given members in place of theirs (None leaves one out)."""
    content = {key: npy(array) for key, array in small().items()} | members
    with zipfile.ZipFile(path, "w", compression) as file:
        for key, data in content.items():
            if data is not None:
                file.writestr(f"{key}.npy", data)
    return path


def refuse(path, reason):
    with pytest.raises(ValueError) as caught:
        load_npz_arrays(path)
    assert type(caught.value) is ValueError
    assert reason in str(caught.value) and str(path) in str(caught.value)


def peak_of(call, *args):
    tracemalloc.start()
    try:
        call(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# --- what is read --------------------------------------------------------------------------------

REAL = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_what_numpy_saves_is_read_back(tmp_path, data):
    n_train, n_test, side = (data.draw(st.integers(0, 4)) for _ in range(3))
    label = data.draw(hnp.integer_dtypes(endianness="?"))
    X_train = data.draw(hnp.arrays(data.draw(REAL), (n_train, side, 2)))
    X_test = data.draw(hnp.arrays(data.draw(REAL), (n_test, side * 2)))
    if data.draw(st.booleans()):
        X_train = np.asfortranarray(X_train)
    y_train, y_test = np.arange(n_train).astype(label), np.arange(n_test)
    save = data.draw(st.sampled_from([np.savez, np.savez_compressed]))
    save(tmp_path / "a.npz", X_train=X_train, y_train=y_train, X_test=X_test, y_test=y_test)
    read = load_npz_arrays(tmp_path / "a.npz")
    for got, saved in zip(read, (X_train, y_train, X_test, y_test), strict=True):
        assert got.dtype == saved.dtype.newbyteorder("=")
        assert len(got) == len(saved) and got.flags.writeable
        assert np.array_equal(got.ravel(), saved.ravel(), equal_nan=got.dtype.kind == "f")
    assert read[0].shape == (n_train, side * 2)


def test_keras_names_are_taken(tmp_path):
    arrays = small()
    np.savez(
        tmp_path / "a.npz",
        x_train=arrays["X_train"],
        y_train=arrays["y_train"],
        x_test=arrays["X_test"],
        y_test=arrays["y_test"],
    )
    assert load_npz_arrays(str(tmp_path / "a.npz"))[0].tolist() == arrays["X_train"].tolist()


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_each_version_of_the_npy_format_is_read(tmp_path, version):
    X = np.array([[1.5, 2.5, 3.5]] * 4)
    path = archive(tmp_path / "a.npz", X_train=npy(X, version))
    assert load_npz_arrays(path)[0].tolist() == X.tolist()


def test_header_items_may_come_in_any_order(tmp_path):
    header = b'{"shape": (4, 3),"fortran_order": False, "descr": "<u2"}\n'.replace(b'"', b"'")
    path = archive(tmp_path / "a.npz", X_train=npy_with_header(header, bytes(24)))
    assert load_npz_arrays(path)[0].dtype == np.uint16


def test_bytes_of_a_bool_array_are_made_bools(tmp_path):
    header = b"{'descr': '|b1', 'fortran_order': False, 'shape': (4, 3)}\n"
    path = archive(tmp_path / "a.npz", X_train=npy_with_header(header, bytes([0, 1, 7] * 4)))
    read = load_npz_arrays(path)[0]
    assert read.dtype == bool and read.view(np.uint8).tolist() == [[0, 1, 1]] * 4


# --- what is refused -----------------------------------------------------------------------------


class Trap:
    """Unpickled, it would leave a mark."""

    sprung = False

    def __reduce__(self):
        return (setattr, (Trap, "sprung", True))


def test_nothing_is_unpickled(tmp_path):
    trapped = np.full((4, 3), Trap(), dtype=object)
    pickle.loads(pickle.dumps(trapped))
    assert Trap.sprung, "the trap does not work"
    Trap.sprung = False
    np.savez(tmp_path / "a.npz", **(small() | {"X_train": trapped}), allow_pickle=True)
    refuse(tmp_path / "a.npz", "X_train in")
    np.savez(tmp_path / "a.npz", **(small() | {"extra": trapped}), allow_pickle=True)
    load_npz_arrays(tmp_path / "a.npz")
    archive(tmp_path / "a.npz", X_train=pickle.dumps(trapped))
    refuse(tmp_path / "a.npz", "is not a .npy array")
    assert not Trap.sprung


HEADER = "{'descr': '<f8', 'fortran_order': False, 'shape': (4, 3), }"
NO_REAL_ARRAY = "expected an array of real numbers"


@pytest.mark.parametrize(
    "header",
    [
        HEADER.replace("<f8", "|O"),
        HEADER.replace("<f8", "<c16"),
        HEADER.replace("<f8", "<M8[ns]"),
        HEADER.replace("<f8", "<f16"),
        HEADER.replace("'<f8'", "[('a', '<f8')]"),
        HEADER.replace("'<f8'", "True"),
        HEADER.replace("False", "'no'"),
        HEADER.replace("(4, 3)", "(4, -3)"),
        HEADER.replace("(4, 3)", "(True, 3)"),
        HEADER.replace("<f8", "<f8, <f8"),
        HEADER.replace("<f8", "|S8"),
        HEADER.replace("<f8", "<U8"),
        HEADER.replace("(4, 3)", "(4 3)"),
        HEADER.replace("(4, 3)", "(4, 3.0)"),
        HEADER.replace("(4, 3)", "12"),
        HEADER.replace("(4, 3)", "(,)"),
        HEADER.replace("'shape'", "'form'"),
        HEADER.replace("}", "'extra': True}"),
        HEADER.replace("'fortran_order': False, ", ""),
        HEADER[1:],
        f"({HEADER[1:-1]})",
        HEADER + "()",
        "{}",
        "",
        HEADER.replace("(4, 3)", "(4L, 3L)"),
        HEADER.replace("(4, 3)", "(4 L, 3 L)"),
        HEADER.replace("(4, 3)", "(4L, 3L"),
        HEADER.replace("(4, 3)", "(4if 1else 2, 3)"),
        HEADER.replace("<f8", r"\<f8"),
        "{[]: 1}",
        "{'shape': (4, 3), 5: 5}",
        '{("""',
        "{( \n  x\n y",
        "(" * 500,
        "{(" + "-" * 500,
        "{(" + "not " * 125,
        "{(" + "2**-" * 125,
        "{(" + "lambda:" * 70,
        r"{'\ud800': ()}",
        HEADER.replace("3", "3é"),
        "(2**-" * 99,
        "__import__('os').abort(), {}",
        "__import__('os').abort()",
    ],
)
def test_strange_headers_are_refused(tmp_path, header):
    good = archive(tmp_path / "a.npz", X_train=npy_with_header(HEADER.encode(), bytes(96)))
    assert load_npz_arrays(good)[0].shape == (4, 3)
    bad = archive(tmp_path / "b.npz", X_train=npy_with_header(header.encode(), bytes(96)))
    refuse(bad, NO_REAL_ARRAY)


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (None, "has no array X_train; it contains X_"),
        (b"", "is not a .npy array: it begins with the bytes (none)"),
        (b"\x93NUMPY", "is not a .npy array"),
        (npy(np.eye(4))[:7] + b"\0\0\0", NO_REAL_ARRAY),
        (b"\x93NUMPY\4" + npy(np.eye(4))[7:], "is not a .npy array"),
        (npy(np.eye(4))[:-1], "declares 128 bytes of data, and 127 follow"),
        (npy(np.eye(4)) + b"\0", "goes on after the 128 bytes"),
        (npy_with_header(b" " * 5000, b""), "has a header of 5000 bytes"),
        (npy_with_header(b"", b"")[:8] + b"\xff\xff", "has a header of 65535 bytes"),
        (npy(np.float64(3)), "has shape ()"),
        (
            npy_with_header(HEADER.replace("4, 3", "9" * 30 + ", 3").encode(), b""),
            "more than an array can hold",
        ),
        (
            npy_with_header(HEADER.replace("4, 3", "0, " + "9" * 30).encode(), b""),
            "more than an array can hold",
        ),
        (
            npy_with_header(HEADER.replace("4, 3", "1, " * 40).encode(), bytes(8)),
            "more than an array can hold",
        ),
    ],
)
def test_spoiled_members_are_refused(tmp_path, member, reason):
    refuse(archive(tmp_path / "a.npz", X_train=member), reason)


def test_labels_must_be_whole_numbers(tmp_path):
    refuse(archive(tmp_path / "a.npz", y_train=npy(np.arange(4.0))), "expected one whole number")


def test_what_is_no_archive_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    whole = archive(path).read_bytes()
    for content in (b"", b"PK", npy(np.eye(3)), whole[:-30], whole[:200], b"\0" * 500):
        path.write_bytes(content)
        refuse(path, "is not a valid .npz file")
    start = whole.index(b"X_train.npy") + len("X_train.npy")
    path.write_bytes(whole[:start] + b"\xff" + whole[start + 1 :])  # deflate has no such block
    refuse(path, "X_train in")
    refuse(archive(path, zipfile.ZIP_BZIP2), "is compressed by method 12")
    stored = archive(path, zipfile.ZIP_STORED).read_bytes()
    path.write_bytes(stored.replace(struct.pack("<d", 11.0), struct.pack("<d", 12.0), 1))
    refuse(path, "Bad CRC-32")


def test_an_encrypted_member_is_refused(tmp_path):
    path = archive(tmp_path / "a.npz")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    refuse(path, "encrypted")


def central_entry(path, key):
    """Return an archive's bytes and the place of a member's entry in its directory."""
    content = bytearray(path.read_bytes())
    return content, content.rindex(key.encode() + b".npy") - 46


def test_a_name_that_is_no_text_is_refused(tmp_path):
    path = archive(tmp_path / "a.npz")
    content, at = central_entry(path, "X_test")
    struct.pack_into("<H", content, at + 8, 0x800)  # "the name is UTF-8"
    content[at + 46] = 0xFF
    path.write_bytes(content)
    refuse(path, "is not a valid .npz file ('utf-8' codec can't decode")


def test_a_member_that_runs_past_the_end_of_the_file_is_refused(tmp_path):
    header = HEADER.replace("4, 3", "10000, 3").encode()
    member = npy_with_header(header, bytes(100))
    path = archive(tmp_path / "a.npz", zipfile.ZIP_STORED, X_train=member)
    content, at = central_entry(path, "X_train")
    struct.pack_into("<II", content, at + 20, 2**30, 2**30)
    path.write_bytes(content)
    refuse(path, "is not a valid .npz file")


@pytest.mark.parametrize("offset", [2**64 - 1, 2**63 - 1, 2**40, 2])
def test_a_member_at_an_impossible_place_is_refused(tmp_path, offset):
    extra = struct.pack("<HHQ", 1, 8, offset)  # the zip64 extension: a 64-bit place
    path = archive(tmp_path / "a.npz")
    content, at = central_entry(path, "X_train")
    struct.pack_into("<I", content, at + 42, 2**32 - 1)
    struct.pack_into("<H", content, at + 30, len(extra))
    content[at + 46 + len("X_train.npy") : at + 46 + len("X_train.npy")] = extra
    end = content.rindex(b"PK\5\6")
    size = struct.unpack_from("<I", content, end + 12)[0]
    struct.pack_into("<I", content, end + 12, size + len(extra))
    path.write_bytes(content)
    refuse(path, "is not a valid .npz file")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize(
    ("packed", "unpacked"),
    [
        (None, 0), (None, 1), (None, 10), (None, 2**31), (None, 2**32 - 2), (0, None), (1, None),
        (10, None), (2**31, None), (0, 0), (1, 1), (2**31, 2**31), (2**32 - 2, 2**32 - 2),
    ],
)  # fmt: skip
def test_a_directory_that_lies_about_sizes_is_refused_or_makes_no_difference(
    packed, unpacked, method, tmp_path
):
    """What is read is what is there, or nothing; and no memory is taken for what is not there."""
    path = archive(tmp_path / "a.npz", method)
    content, at = central_entry(path, "X_train")
    for place, size in ((20, packed), (24, unpacked)):
        if size is not None:
            struct.pack_into("<I", content, at + place, size)
    path.write_bytes(content)

    def read():
        try:
            read = load_npz_arrays(path)
        except ValueError as error:
            assert str(path) in str(error)
            return
        for got, key in zip(read, KEYS, strict=True):
            assert np.array_equal(got, small()[key])

    assert peak_of(read) < MIB


def test_a_directory_that_says_too_little_cuts_no_array_short(tmp_path):
    """Half of the rows would be a sound array, if the header agreed."""
    path = archive(tmp_path / "a.npz", zipfile.ZIP_STORED)
    content, at = central_entry(path, "X_train")
    size = struct.unpack_from("<I", content, at + 24)[0]
    struct.pack_into("<II", content, at + 20, size - 48, size - 48)
    path.write_bytes(content)
    refuse(path, "X_train")


def test_missing_file_raises_as_open_does(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.npz"):
        load_npz_arrays(tmp_path / "none.npz")
    with pytest.raises(TypeError):
        load_npz_arrays(None)


# --- what memory it takes ------------------------------------------------------------------------


def test_allocates_for_what_is_there_not_for_what_is_declared(tmp_path):
    header = HEADER.replace("4, 3", "4000000, 1").encode()  # 32 MB
    path = archive(tmp_path / "a.npz", X_train=npy_with_header(header, bytes(100)))
    assert peak_of(refuse, path, "declares 32000000 bytes of data, and 100 follow") < 2 * MIB


def test_does_not_unpack_what_follows_the_data(tmp_path):
    member = npy_with_header(HEADER.encode(), bytes(60 * MIB))
    path = archive(tmp_path / "a.npz", X_train=member)
    assert peak_of(refuse, path, "goes on after the 96 bytes") < 4 * MIB


@pytest.mark.parametrize("claimed", [None, 2**31])
def test_refuses_a_bomb_that_declares_itself(tmp_path, claimed):
    header = HEADER.replace("4, 3", f"{10 * MIB}, 1").encode()
    path = archive(tmp_path / "a.npz", X_train=npy_with_header(header, bytes(80 * MIB)))
    if claimed:  # a packed size that the file is too small for
        content = bytearray(path.read_bytes())
        struct.pack_into("<I", content, content.index(b"PK\1\2") + 20, claimed)
        path.write_bytes(content)
    # A zipfile module as new as Python 3.13's sees by itself that the false size cannot be, and
    # says so in other words; what counts is that the member is named and nothing is unpacked.
    reason = "X_train" if claimed else "more than 100 times"
    assert peak_of(refuse, path, reason) < 4 * MIB


@settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_never_fails_in_another_way(tmp_path, data):
    method = data.draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    path = archive(tmp_path / "a.npz", method)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    path.write_bytes(content)
    try:
        read = load_npz_arrays(path)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        # The checksums let only a change pass that is outside the four arrays.
        for got, key in zip(read, KEYS, strict=True):
            assert np.array_equal(got, small()[key])
