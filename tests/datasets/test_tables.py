"""A user's own data: what is read is what stands there, and what is wrong is named by its place.

The oracles are Python's csv writer and NumPy's savez.
"""

import csv
import gzip
import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastnet.datasets.records import LONGEST_RECORD
from fastnet.datasets.table import display_name
from fastnet.datasets.tables import (
    Table,
    Tables,
    class_names,
    class_numbers,
    quantities,
    read_tables,
)
from fastnet.datasets.text import read_csv, read_header

FLOWERS = "length,width,kind\n5.1,3.5,setosa\n6.0,2.2,virginica\n"


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file and returns its path."""

    def write(text, name="data.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return write


def refuse(path, *words, **options):
    """Check that data are refused in one sentence that names the file and says where."""
    with pytest.raises(ValueError) as caught:
        read_tables(path, **options)
    text = str(caught.value)
    assert str(path) in text and "\n" not in text
    for word in words:
        assert word in text, text


# --- text: what is read --------------------------------------------------------------------------


def test_columns_labels_and_names(write):
    table = read_csv(write(FLOWERS))
    assert table.X.tolist() == [[5.1, 3.5], [6.0, 2.2]] and table.X.dtype == np.float64
    assert table.y.tolist() == ["setosa", "virginica"]
    assert (table.columns, table.target) == (("length", "width"), "kind")
    assert (table.name, table.n) == ("data.csv", 2)
    assert read_header(write(FLOWERS)) == ["length", "width", "kind"]


def test_any_column_may_hold_the_labels_and_any_be_left_out(write):
    path = write("id,kind,a,b\n7,x,1,2\n8,y,3,4\n")
    table = read_csv(path, label="kind", ignore=["id"])
    assert table.X.tolist() == [[1, 2], [3, 4]] and table.y.tolist() == ["x", "y"]
    table = read_csv(path, label="id", columns=["b", "a"])
    assert table.X.tolist() == [[2, 1], [4, 3]] and table.y.tolist() == ["7", "8"]
    assert table.columns == ("b", "a")
    table = read_csv(path, columns=["b"], labelled=False)
    assert table.X.tolist() == [[2], [4]] and table.y is None and table.target is None
    table = read_csv(path, columns=["id", "a"])  # the last that is no input
    assert table.X.tolist() == [[7, 1], [8, 3]] and table.target == "b"
    table = read_csv(path, label="kind", ignore=["b"], labelled=False)
    assert table.columns == ("id", "a") and table.y is None
    assert read_csv(write("a,b\n1,2\n"), label="no such column", labelled=False).X.shape == (1, 2)


@st.composite
def contents(draw):
    """Draw a header and rows of (numbers, label)."""
    letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n")
    name = st.text(letters, max_size=9).map(lambda text: f"c {text}".strip())
    header = draw(st.lists(name, min_size=2, max_size=6, unique=True))
    label = st.text(letters | st.sampled_from("\r\n"), max_size=9)
    numbers = st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * (len(header) - 1))
    rows = st.tuples(numbers, label.map(lambda text: f"l {text}".strip()))
    return header, draw(st.lists(rows, min_size=1, max_size=9))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents(), st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_what_the_csv_module_writes_is_read(tmp_path, content, mark, end, bom):
    header, rows = content
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=mark, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(header)
    writer.writerows([[*map(repr, numbers), label] for numbers, label in rows])
    path = tmp_path / "data.csv"
    path.write_bytes(stream.getvalue().encode("utf-8-sig" if bom else "utf-8"))
    table = read_csv(path)
    assert table.X.tolist() == [list(numbers) for numbers, _ in rows]
    assert table.y.tolist() == [label for _, label in rows]
    assert (*table.columns, table.target) == tuple(header)


@pytest.mark.parametrize("mark", [";", "\t"])
def test_other_separators_are_seen_in_the_first_line(write, mark):
    table = read_csv(write(FLOWERS.replace(",", mark)))
    assert table.columns == ("length", "width") and table.X[1].tolist() == [6.0, 2.2]
    mixed = write("size (m; b),weight\n1,2\n")
    assert read_header(mixed) == ["size (m; b)", "weight"]


def test_quotes_blanks_empty_lines_and_a_byte_order_mark(write):
    lines = [
        '"length, in cm", width ,kind',
        "",
        '"5.1",\t3.5, setosa ',
        "   ",
        '+6.,2e0,"a\nb"',
        "",
    ]
    table = read_csv(write("\ufeff" + "\r\n".join(lines)))
    assert table.columns == ("length, in cm", "width")
    assert table.X.tolist() == [[5.1, 3.5], [6.0, 2.0]]
    assert table.y.tolist() == ["setosa", "a\nb"]


@pytest.mark.parametrize("mark", ["|", "\t", " ", "   "])
def test_bars_tabs_and_runs_of_blanks_separate(write, mark):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    rows = [["length", "width", "kind"], ["5.1", "3.5", "setosa"], ["6.0", "2.2", '"a b"']]
    text = "".join(f"{mark.join(row)}\n" for row in rows)
    wanted = pd.read_csv(io.StringIO(text), sep=r"\s+" if mark.isspace() else "|")
    # Lines may be indented, and end in blanks, as tables in columns are.
    for lines in [text, text.replace("\n", "  \n ")] if " " in mark else [text]:
        table = read_csv(write(lines))
        assert table.columns == tuple(wanted.columns[:2]) and table.target == "kind"
        assert table.X.tolist() == wanted.iloc[:, :2].to_numpy().tolist()
        assert table.y.tolist() == wanted["kind"].tolist()


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("size in cm\n1\n2\n", ["size in cm"]),
        ("sepal length,kind\n5.1,Iris setosa\n", ["sepal length", "kind"]),
        ("the long name,kind\n5,a b c\n", ["the long name", "kind"]),
        ("size, cm;kind\n1;x\n", ["size, cm", "kind"]),
        ("a b k\n", ["a b k"]),
    ],
)
def test_blanks_and_commas_in_names_separate_nothing(write, text, columns):
    assert read_header(write(text)) == columns


def test_comment_lines_are_skipped_and_counted(write):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    text = "# by hand\n\n# and, too\na,b\n# 1\n1,x\n#2,y\n3,z\n#"
    table = read_csv(write(text))
    wanted = pd.read_csv(io.StringIO(text), comment="#")
    assert table.X.tolist() == wanted[["a"]].to_numpy().tolist()
    assert table.y.tolist() == wanted["b"].tolist()
    assert table.unused == ("3 comment lines (#)",)
    # Lines keep their numbers, and a quoted field is no comment.
    refuse(write("# c\na,b\n# c\n\nw,x\n"), "line 5, column 'a' has 'w'")
    assert read_csv(write('k,a\n"#1",1\n"x\n# y",2\n'), label="k").y.tolist() == ["#1", "x\n# y"]
    assert read_csv(write("#,a,k\n1,2,x\n"), ignore=["#"]).X.tolist() == [[2]]
    refuse(write("# a,b\n# 1,2\n"), "it is empty except for lines that begin with #")
    refuse(write("a,b\n#1,2\n"), "no rows, only names of columns and 1 comment line")


@pytest.mark.parametrize("delimiter", [" ", ","])
def test_what_savetxt_writes_is_read_with_its_names(tmp_path, delimiter):
    numbers = np.array([[1.5, 2.0, 0.0], [3.0, -4.25, 1.0]])
    path = tmp_path / "points.txt"
    names = ["x", "y", "kind"]
    np.savetxt(path, numbers, delimiter=delimiter, header=delimiter.join(names))
    table = read_csv(path)
    assert (*table.columns, table.target) == tuple(names)
    assert table.X.tolist() == numbers[:, :2].tolist()
    np.savetxt(path, numbers, delimiter=delimiter, header="three numbers in every row")
    refuse(path, "its first line has only numbers")
    assert read_csv(path, header=False).X.tolist() == numbers[:, :2].tolist()


def test_equal_labels_are_one_string(write):
    table = read_csv(write("a,b\n" + "1,a rather long label\n" * 50))
    assert len({id(label) for label in table.y}) == 1


def test_underscores_are_refused_in_numbers_only(write):
    assert read_csv(write("a_b,c_d\n1,x_y\n2,x_z\n")).X.tolist() == [[1], [2]]
    refuse(write("a,b,c\n1,2,x\n1_000,2,x\n"), "line 3, column 'a' has '1_000'")


# --- text: what is refused -----------------------------------------------------------------------

REFUSED = {
    "empty": ("", "it is empty; expected a first line that names the columns"),
    "blank": ("\n\n\n", "it is empty"),
    "header only": ("a,b\n", "it has no rows"),
    "no header": ("5.1,3.5,1\n6.0,2.2,2\n", "its first line has only numbers"),
    "one column": ("a\n1\n", "it has 1 column; none of them is left for the inputs"),
    "twice": ("a,b,a\n1,2,3\n", "two columns are named 'a'"),
    "few fields": ("a,b,c\n1,2,x\n1,2\n", "line 3 has 2 fields, and the first line names 3"),
    "many fields": ("a,b\n1,x\n1,2,x\n", "line 3 has 3 fields"),
    "missing": ("a,b,c\n1,2,x\n1,,x\n", "line 3, column 'b': the value is missing; fill it in"),
    "NA": ("a,b,c\nNA,2,x\n", "line 2, column 'a': the value is missing ('NA')"),
    "nan": ("a,b,c\n1,2,x\n1, NaN ,x\n", "line 3, column 'b': the value is missing ('NaN')"),
    "question mark": ("a,b\n?,x\n", "line 2, column 'a': the value is missing ('?')"),
    "missing label": ("a,b\n1,x\n2, \n", "line 3, column 'b': the value is missing"),
    "word": ("a,b,c\n1,red,x\n", "line 2, column 'b' has 'red', which is not a finite number"),
    "infinite": ("a,b\n1,x\n-inf,x\n", "line 3, column 'a' has '-inf'"),
    "too large": ("a,b\n1e999,x\n", "line 2, column 'a' has '1e999'"),
    "decimal comma": ("a;b;c\n1,5;2;x\n", "line 2, column 'a' has '1,5'"),
    "decimal commas": ("a b c\n1,5 2,5 x\n", "write decimal commas as points (1.5, not 1,5)"),
    "commas not quoted": ("a,b,c\n1,5,2,x\n", "line 2 has 4 fields, and the first line names 3"),
    "no name": (",a,b\n0,1,x\n", "column 1 has no name; name it, or leave it out"),
    "quote": ('a,b\n"1"2,x\n', "line 2: ',' expected after '\"'"),
    "open quote": ('a,b\n1,"x\n2,y\n', "unexpected end of data"),
    "utf-16": (FLOWERS.encode("utf-16"), "it is not text in UTF-8"),
    "latin-1": ("länge,b\n1,x\n".encode("latin-1"), "it is not text in UTF-8"),
    "latin-1 later": (b"a,b\n" + b"1,x\n" * 9000 + b"1,\xff\n", "it is not text in UTF-8"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "is a picture of one digit"),
    "binary": (b"\x7fELF" + bytes(range(128, 256)), "it is not text in UTF-8"),
    "huge field": ("a,b\n1," + "x" * 200_000 + "\n", "line 2: field larger than field limit"),
    "huge header": ("x" * 200_000 + ",b\n", "line 1: field larger than field limit"),
}


@pytest.mark.parametrize(("text", "cause"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_table_is_refused(write, text, cause):
    refuse(write(text), cause)


@pytest.mark.parametrize("mark", [";", "\t", "|", " "])
def test_decimal_commas_separate_nothing(write, mark):
    text = "1,5;-2,5;x\n3,5;4,5e3;y\n".replace(";", mark)
    cells = "'1' ('1,5' in line 1, '3,5' in line 2); '2' ('-2,5' in line 1, '4,5e3' in line 2)"
    refuse(write(text), cells, "write decimal commas as points (1.5, not 1,5)", header=False)


def test_all_offending_columns_are_named_and_ten_cells(write):
    rows = [f"Ann{i},{i},Oslo,{i / 2},k{i % 2}" for i in range(150)]
    rows[7], rows[9] = "Bob,old,Oslo,1,k0", "Cy,,Oslo,1,?"
    path = write("\n".join(["name,age,city,size,kind", *rows]))
    refuse(
        path,
        "4 columns have",
        "'name' ('Ann0' in line 2, 'Ann1' in line 3 and 148 more)",
        "'city' ('Oslo' in line 2, 'Oslo' in line 3 and 148 more)",
        "'age' ('old' in line 9, missing in line 11)",
        "'kind' (missing ('?') in line 11)",
        "--ignore name city)",
        "fill in missing values",
    )
    cells = "; ".join(f"'a{i}' ('w' in line 2 and 1 more)" for i in range(10))
    line = ",".join(["w"] * 50) + ",x\n"
    refuse(
        write(",".join(f"a{i}" for i in range(50)) + ",kind\n" + 2 * line),
        f"50 columns have cells that are missing or not finite numbers: {cells}; and in 'a10', ",
        "'a29' and 20 more columns",
    )
    refuse(write("a,b\n" + "w,x\n" * 1500), "'w' in line 11 and many more)")


def test_a_line_without_end_is_refused_early(write):
    refuse(write("a,b\n" + "1," * LONGEST_RECORD + "\n"), f"{LONGEST_RECORD} characters or more")
    # Quoted ends of lines make no record longer than that either.
    refuse(write("a,b\n" + '"\n",' * (LONGEST_RECORD // 4)), f"{LONGEST_RECORD} characters or more")
    assert read_csv(write("a,b\n" + "1,x\n" * (LONGEST_RECORD // 3))).n == LONGEST_RECORD // 3


def test_missing_columns_are_named(write):
    path = write(FLOWERS)
    refuse(path, "it has no column 'Kind'; its columns are length, width, kind", label="Kind")
    refuse(path, "it has no column 'depth'; its columns", columns=["length", "depth"])
    refuse(path, "it has no column 'id'; its columns", ignore=["id"])
    refuse(path, "none of them is left for the inputs", ignore=["length", "width"])
    refuse(path, "it has no column left for the labels", ignore=["length", "width", "kind"])
    many = write(",".join(f"c{i}" for i in range(99)) + "\n")
    refuse(many, "its columns are c0, c1, c2, c3, c4, c5, c6, c7, ...", label="x")


def test_a_column_without_name_can_be_ignored(write):
    path = write(",a,b\n0,1,x\n1,2,y\n")
    assert read_csv(path, ignore=[""]).X.tolist() == [[1], [2]]
    assert read_csv(path, columns=["a"]).X.tolist() == [[1], [2]]


def test_memory_is_a_small_multiple_of_the_file(write):
    path = write("a,b,c\n" + "1,2,x\n" * 200_000)
    tracemalloc.start()
    read_csv(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * path.stat().st_size


# --- text: headers, and which column has the labels ----------------------------------------------

IRIS = "5.1,3.5,Iris-setosa\n4.9,3.0,Iris-setosa\n7.0,3.2,Iris-versicolor\n"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (IRIS, "its first line looks like data: column 1 is named '5.1' and contains numbers"),
        ("5.1,3.5,1\n4.9,3.0,2\n", "its first line has only numbers"),
        ("yes,5.1\nno,4.9\n", "column 2 is named '5.1'"),
        ("?,3.5,yes\n1,?,no\n", "column 2 is named '3.5'"),
        ("1e3;-2;x\n4;5;y\n", "column 1 is named '1e3'"),
        ('"5.1","a"\n"4.9","b"\n', "column 1 is named '5.1'"),
        ("5.1,Iris-setosa\n", "column 1 is named '5.1'"),
        ("0,1,2,label\n3,4,5,x\n", "column 1 is named '0'"),
    ],
)
def test_a_header_that_looks_like_data_is_refused(write, text, cause):
    path = write(text)
    refuse(path, cause, "give --no-header", "give --header")
    rows = list(csv.reader(io.StringIO(text), delimiter=";" if ";" in text else ","))
    with pytest.raises(ValueError, match="first line"):
        read_header(path)
    assert read_header(path, True) == rows[0]
    assert read_header(path, False) == [str(i + 1) for i in range(len(rows[0]))]


def test_without_a_header_columns_have_numbers(write):
    table = read_csv(write(IRIS), header=False)
    assert table.X.tolist() == [[5.1, 3.5], [4.9, 3.0], [7.0, 3.2]]
    assert table.y.tolist() == ["Iris-setosa", "Iris-setosa", "Iris-versicolor"]
    assert (table.columns, table.target) == (("1", "2"), "3")
    table = read_csv(write("x,1,2\ny,3,4\n"), header=False, label="1", ignore=["2"])
    assert table.X.tolist() == [[2], [4]] and table.y.tolist() == ["x", "y"]
    refuse(write("\n1,2,x\n\n3,?,y\n"), "line 4, column '2': the value is missing", header=False)
    refuse(write("1,2,x\n3,z_1,y\n"), "line 2, column '2' has 'z_1'", header=False)
    refuse(write("1,1,x\n1_0,2,y\n"), "line 2, column '1' has '1_0'", header=False)
    assert read_csv(write("1,1,1\n1,1,1\n"), header=False).X.tolist() == [[1, 1], [1, 1]]
    refuse(write("a,a,x\n1,2,y\n"), "two columns are named 'a'", "--no-header")


def test_a_name_that_is_asked_for_shows_the_header(write):
    path = write("2019,2020,kind\n1,2,x\n3,4,y\n")
    refuse(path, "column 1 is named '2019'")
    assert read_csv(path, header=True).columns == ("2019", "2020")
    assert read_csv(path, label="kind").X.tolist() == [[1, 2], [3, 4]]
    assert read_csv(write("2019,size\n1,2\n"), columns=["size", "2019"], labelled=False).n == 1
    # A number that is asked for may as well be data.
    refuse(path, "looks like data", label="2020")
    # Numbers above words are names.
    assert read_csv(write("a,b,2020\n1,2,yes\n3,4,no\n")).target == "2020"


@pytest.mark.parametrize("name", ["label", "Label", "labels", "class", "TARGET", "y"])
def test_a_column_that_is_called_as_labels_are_must_be_chosen_or_not(write, name):
    path = write(f"{name},a,b\n0,1,2\n1,3,4\n")
    refuse(path, "last column, 'b'", f"'{name}'", f"--label {name} or --label b")
    assert read_csv(path, label=name).X.tolist() == [[1, 2], [3, 4]]
    assert read_csv(path, label="b").X.tolist() == [[0, 1], [1, 3]]
    assert read_csv(path, ignore=[name]).target == "b"
    assert read_csv(write(f"a,b,{name}\n0,1,2\n")).target == name
    assert read_csv(path, columns=[name], ignore=["b"]).target == "a"


def test_coordinates_are_no_labels(write):
    assert read_csv(write("x,y,kind\n1,2,a\n3,4,b\n")).target == "kind"
    refuse(write("y,x\n1,2\n"), "--label y or --label x")
    refuse(write("label,x,class\n1,2,3\n"), "last column, 'class', or in 'label'")


# --- text: gzipped -------------------------------------------------------------------------------


def test_gzipped_text_is_read(write):
    rows = "".join(f"{i},{i / 8},k{i % 2}\n" for i in range(50_000))
    plain, packed = write("a,b,c\n" + rows), write(gzip.compress(f"a,b,c\n{rows}".encode()), "t.gz")
    one, other = read_csv(plain), read_tables(packed).to_evaluate
    assert np.array_equal(one.X, other.X) and one.y.tolist() == other.y.tolist()
    twice = gzip.compress(b"a,b\n1,x\n") + gzip.compress(b"2,y\n")
    assert read_csv(write(twice, "two.gz")).X.tolist() == [[1], [2]]
    bom = gzip.compress(FLOWERS.encode("utf-8-sig"))
    assert read_csv(write(bom, "data")).columns == ("length", "width")


@pytest.mark.parametrize("damage", ["cut", "checksum", "garbage", "only the start"])
def test_damaged_gzip_is_refused(write, damage, recwarn):
    packed = bytearray(gzip.compress(b"a,b\n" + b"1,x\n" * 99_999, mtime=0))
    if damage == "cut":
        packed = packed[: len(packed) // 2]
    elif damage == "checksum":
        packed[-6] ^= 1
    elif damage == "garbage":
        packed[20:30] = b"\xff" * 10
    else:
        packed = packed[:2]
    refuse(write(bytes(packed), "t.csv.gz"), "gzip")
    assert not recwarn.list


def test_a_small_file_cannot_unpack_to_much(write):
    bomb = gzip.compress(b"a,b\n" + b"1,1\n" * (4 * 2**20))
    path = write(bomb, "bomb.csv.gz")
    tracemalloc.start()
    refuse(path, "unpacks to more than 25 times its size", "gunzip")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(bomb) < 2**16 and peak < 2**24
    tolerable = write(gzip.compress(b"a,b\n" + b"1,1\n" * 2**17), "t.csv.gz")
    assert read_csv(tolerable).n == 2**17


def test_nothing_is_left_open(write, recwarn):
    for text in (FLOWERS, "", "a,b\n1\n", b"\xff\xff"):
        try:
            read_csv(write(text))
        except ValueError as error:
            assert "data.csv" in str(error)
    assert not recwarn.list


# --- what is not used ----------------------------------------------------------------------------


def test_what_is_not_used_is_named(tmp_path, write):
    two = {"X_train": np.eye(3), "y_train": [0, 1, 2], "X_val": np.eye(3), "y_val": [0, 1, 2]}
    training, _ = read_tables(npz(tmp_path, **two))
    assert training.unused == ("X_val", "y_val")
    table = read_tables(npz(tmp_path, X=np.eye(2), y=[0, 1], ids=[7, 8])).to_evaluate
    assert table.unused == ("ids",)
    assert read_tables(npz(tmp_path, X=np.eye(2), y=[0, 1])).to_evaluate.unused == ()
    assert (
        read_tables(npz(tmp_path, X=np.eye(2), y=[0, 1]), labelled=False).to_evaluate.unused == ()
    )
    # One part of a pair is of no use alone.
    table = read_tables(
        npz(tmp_path, X_train=np.eye(2), y_train=[0, 1], X_test=np.eye(2))
    ).to_evaluate
    assert table.unused == ("X_test",)
    path = write("id,a,b,kind\n1,2,3,x\n")
    assert read_csv(path, columns=["a"], label="kind").unused == ("id", "b")
    assert read_csv(path, columns=["a"], labelled=False, ignore=["id"]).unused == ("b", "kind")
    assert read_csv(path, ignore=["id"]).unused == ()


# --- archives and IDX folders --------------------------------------------------------------------


def npz(tmp_path, **arrays):
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    return path


def test_npz_with_one_part(tmp_path):
    X = np.arange(24, dtype=np.uint8).reshape(3, 2, 4)
    training, test = read_tables(npz(tmp_path, X=X, y=[3, 1, 2]))
    assert test is None and training.X.tolist() == X.reshape(3, 8).tolist()
    assert training.X.dtype == np.uint8 and training.y.tolist() == [3, 1, 2]
    assert training.columns is None and training.name == "data.npz"
    table = read_tables(npz(tmp_path, x=np.eye(2), y=[["a"], ["bc"]])).to_evaluate
    assert table.y.tolist() == ["a", "bc"]
    assert read_tables(npz(tmp_path, X=np.eye(2)), labelled=False).to_evaluate.y is None
    bools = read_tables(npz(tmp_path, X=np.eye(2) > 0, y=[True, False])).training
    assert bools.X.dtype == np.int8 and bools.X.tolist() == [[1, 0], [0, 1]]
    assert [*map(repr, class_names(bools.y))] == ["False", "True"]


def test_npz_with_two_parts(tmp_path):
    arrays = {"X_train": np.eye(3), "y_train": [0, 1, 2], "X_test": np.ones((1, 3)), "y_test": [2]}
    training, test = tables = read_tables(npz(tmp_path, **arrays))
    assert (training.n, test.n) == (3, 1) and tables.to_evaluate is test
    del arrays["y_test"]
    assert read_tables(npz(tmp_path, **arrays)).test is None
    assert read_tables(npz(tmp_path, **arrays), labelled=False).to_evaluate.n == 1
    assert read_tables(npz(tmp_path, x_train=np.eye(2), y_train=[0, 1])).to_evaluate.n == 2
    compressed = tmp_path / "small.bin"
    with open(compressed, "wb") as file:
        np.savez_compressed(file, X=np.zeros((4, 5)), y=["no", "yes", "no", "yes"])
    assert (
        class_numbers(read_tables(compressed).to_evaluate.y, ["no", "yes"], "").tolist()
        == [0, 1] * 2
    )


@pytest.mark.parametrize(
    ("arrays", "cause"),
    [
        ({"a": [1]}, "contains a.npy; expected the arrays X and y, or X_train and y_train"),
        ({"X": np.eye(2)}, "contains X.npy; expected the arrays X and y"),
        ({"X": [1.0, 2.0], "y": [0, 1]}, "X has shape (2,); expected one row"),
        ({"X": np.eye(2), "y": [0, 1, 2]}, "has shape (3,), and X has 2 rows; expected one label"),
        ({"X": np.eye(2), "y": np.eye(2)}, "has shape (2, 2), and X has 2 rows"),
        ({"X": np.eye(2) * 1j, "y": [0, 1]}, "expected an array of real numbers"),
        ({"X": np.array([["a"], ["b"]]), "y": [0, 1]}, "expected an array of real numbers"),
        ({"X": np.eye(2), "y": np.array(["2020-01-01"], "M8[D]")}, "expected an array of real"),
        ({"X": np.empty((0, 2)), "y": []}, "has examples of shape (0, 2)"),
        ({"X": np.empty((2, 0)), "y": [0, 1]}, "has examples of shape (2, 0)"),
        (
            {"X_train": np.eye(2), "y_train": [0, 1], "X_test": np.eye(3), "y_test": [0, 1, 2]},
            "a row of X_train has 2 values and a row of X_test has 3",
        ),
    ],
)
def test_bad_archives_are_refused(tmp_path, arrays, cause):
    refuse(npz(tmp_path, **arrays), cause)


def test_names_of_members_stay_on_one_line(tmp_path):
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("a\n\x1b[2J.npy", b"")
    refuse(tmp_path / "data.npz", "contains a??[2J.npy; expected")


def test_an_object_is_never_unpickled(tmp_path):
    refuse(npz(tmp_path, X=np.eye(2), y=np.array([{}, []], dtype=object)), "no objects")


def test_strings_that_are_no_text_are_refused(tmp_path):
    path = npz(tmp_path, X=np.eye(2), y=["ab", "cd"])
    stored = io.BytesIO(path.read_bytes())
    with zipfile.ZipFile(stored) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data.replace(struct.pack("<I", ord("b")), b"\xff" * 4))
    refuse(path, "y in", "contains invalid text")
    path.write_bytes(stored.getvalue().replace(b"'<U2'", b"'<U0'"))
    refuse(path, "y in")


def test_strings_of_the_other_byte_order_are_read(tmp_path):
    path = npz(tmp_path, X=np.eye(2), y=np.array(["ab", "ü"], dtype=">U2"))
    assert read_tables(path).to_evaluate.y.tolist() == ["ab", "ü"]


def test_a_folder_of_idx_files(tmp_path):
    rng = np.random.default_rng(2)
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    arrays = [rng.integers(0, 9, shape).astype(np.uint8) for shape in ((5, 2, 2), 5, (3, 2, 2), 3)]
    for name, array in zip(names, arrays, strict=True):
        head = struct.pack(f">HBB{array.ndim}i", 0, 8, array.ndim, *array.shape)
        (tmp_path / f"{name}-ubyte").write_bytes(head + array.tobytes())
    training, test = tables = read_tables(tmp_path)
    assert training.X.tolist() == arrays[0].reshape(5, 4).tolist()
    assert test.y.tolist() == arrays[3].tolist() and tables.to_evaluate is test
    refuse(tmp_path, "has no named columns; label, ignore, header and no-header", label="a")
    refuse(tmp_path, "has no named columns", ignore=["a"])
    refuse(tmp_path, "has no named columns", header=False)
    assert test.unused == ()
    (tmp_path / "validation-images-idx3-ubyte").touch()
    assert read_tables(tmp_path).training.unused == ("validation-images-idx3-ubyte",)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="t10k-labels"):
        read_tables(tmp_path)


def test_what_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_tables(tmp_path / "no.csv")
    with pytest.raises(ValueError, match="there are no examples"):
        _ = Tables(None, None).to_evaluate


# --- labels --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([2, 10, 9, 10], (2, 9, 10)),
        ([0.0, 3.0, -1.0], (-1, 0, 3)),
        (["10", "9", "9.0", "+9", "09", "1e1"], (9, 10)),
        (["+1", "-1"], (-1, 1)),
        (["0", "1", "00"], (0, 1)),
        ([True, False], (False, True)),
        (["True", "False"], ("False", "True")),
        (["1e5", "100000", "2a3"], ("100000", "1e5", "2a3")),  # codes, one of them like a number
        (["1.0", "x", "1"], ("1", "x")),
        (["1.0", "1", "2.", "03"], ("1", "2", "03")),
        ([" b ", "a", "b"], ("a", "b")),
        (["10", "9", "x"], ("10", "9", "x")),
        (["007", "8"], ("007", "8")),
        (["007", "8", "7"], (7, 8)),
        (np.array([3, 200], np.uint8), (3, 200)),
    ],
)
def test_classes_are_named_in_their_natural_order(labels, names):
    labels = np.array(labels)
    found = class_names(labels)
    assert found == names == class_names(labels.astype(object))
    assert [*map(type, found)] == [*map(type, names)]
    assert {*class_numbers(labels, names, "").tolist()} == {*range(len(names))}


def test_class_numbers_are_places_among_the_names():
    names = class_names(np.array(["cat", "dog"]), np.array(["bee"]))
    assert names == ("bee", "cat", "dog")
    labels = np.array(["dog", "bee", "dog"], dtype=object)
    assert class_numbers(labels, names, "pets").tolist() == [2, 0, 2]
    with pytest.raises(ValueError, match="pets: row 2 has the label 'eel'; the classes are 'bee'"):
        class_numbers(np.array(["cat", "eel", "cat", "eel"]), names, "pets")
    with pytest.raises(ValueError, match="'7' and 92 more"):
        class_numbers(np.array([100]), tuple(map(str, range(100))), "d")


def test_labels_are_compared_as_numbers_however_they_are_spelled():
    spelled = (["1", "0"], ["1.0", "-0"], ["01", "0.00"], ["1e0", "+0"], [1, 0], [1.0, 0.0])
    for names in ((0, 1), (0.0, 1.0), (False, True), ("0", "1"), ("00", "01")):
        for labels in (*spelled, [True, False], ["True", "FALSE"]):
            assert class_numbers(np.array(labels), names, "").tolist() == [1, 0]
        with pytest.raises(ValueError, match="row 1 has the label 'yes'"):
            class_numbers(np.array(["yes"]), names, "")
    for labels in (["True", "False"], [True, False], ["1", "0"], [1.0, 0.0]):
        assert class_numbers(np.array(labels), ("False", "True"), "").tolist() == [1, 0]
    assert class_numbers(np.array(["1", "01", "1"]), ("01", "1"), "").tolist() == [1, 0, 1]
    with pytest.raises(ValueError, match=r"row 1 has the label '1\.0'"):  # which of the two?
        class_numbers(np.array(["1.0"]), ("01", "1"), "")
    codes = ("100000", "1e5", "2a3")
    assert class_numbers(np.array(["1e5", "2a3", "100000.0"]), codes, "").tolist() == [1, 2, 0]
    assert class_numbers(np.array([100000]), codes, "").tolist() == [0]
    assert class_numbers(np.array([2**60 + 1]), (2**60, 2**60 + 1), "").tolist() == [1]


@pytest.mark.parametrize(
    ("labels", "cause"),
    [
        (
            [1.0, 0.5, 2.0],
            "the labels contain 0.5, which is not a class number; to predict numbers",
        ),
        (["1", "2.5"], "the labels contain 2.5"),
        ([4, 4, 4], "all labels are 4; two or more classes are needed"),
        (range(100), "the 100 examples have 100 different labels, too many for classes"),
        ([n // 4 for n in range(400)], "the 400 examples have 100 different labels"),
        ([f"name {n}" for n in range(60)], "the 60 examples have 60 different labels"),
        ([1.0, np.nan], "row 2 has the label nan; expected a finite number"),
    ],
)
def test_what_are_no_classes_is_refused(labels, cause):
    with pytest.raises(ValueError) as caught:
        class_names(np.array(labels))
    assert cause in str(caught.value)


def test_many_classes_with_enough_examples_are_taken():
    assert len(class_names(np.repeat(np.arange(100), 5))) == 100
    assert len(class_names(np.repeat([f"w{i}" for i in range(100)], 2))) == 100
    assert len(class_names(np.arange(20))) == 20


def test_quantities():
    assert quantities(np.array([" 1.5", "-2e3"]), "p").tolist() == [1.5, -2000.0]
    assert quantities(np.array([1, 2], np.uint8), "p").dtype == np.float64
    for bad in (["1", "x"], ["1", "1_0"], ["0", "inf"], [0.0, np.nan]):
        with pytest.raises(ValueError, match="prices: row 2 has the label"):
            quantities(np.array(bad), "prices")


def test_names_are_fit_to_be_printed():
    assert display_name("/a/b\nc\x1b.csv") == "b?c?.csv"
    assert display_name("x" * 50) == "x" * 39 + "…"
    assert display_name("/data/folder/") == "folder"


def test_rows_of_a_table():
    table = Table("t", np.eye(3), np.array(["a", "b", "c"]), ("x", "y", "z"), "kind")
    some = table.rows(np.array([2, 0]))
    assert some.X.tolist() == [[0, 0, 1], [1, 0, 0]] and some.y.tolist() == ["c", "a"]
    assert (some.columns, some.target, some.name) == (table.columns, "kind", "t")
    assert Table("t", np.eye(3)).rows(np.array([1])).y is None
