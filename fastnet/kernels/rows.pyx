"""Rows of inputs and their targets, wrapped once so that kernels can read them without Python.

Nothing here copies a dense X. `compress` copies the non-zero elements of an array that is mostly
zeros, 6 or 10 bytes each; `from_csr` takes those of a sparse matrix. Indices are copied first and
then checked in the copy; see fastnet/kernels.
"""
cimport cython
cimport numpy as cnp
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.float cimport FLT_MAX
from libc.math cimport INFINITY, fabs, isfinite
from libc.stdint cimport int32_t, int64_t, uint16_t, uint8_t
from libc.string cimport memcpy, memmove, memset

from fastnet.kernels.threads cimport HAVE_THREADS, ThreadHandle, thread_join, thread_start

import numpy as np

cnp.import_array()

cdef extern from "nonzeros.h" nogil:
    ctypedef Py_ssize_t (*KeepRow)(
        const char *row, Py_ssize_t stride, Py_ssize_t n, double limit, uint16_t *cols,
        void *values, uint16_t *marks, int shift, int *odd,
    ) noexcept nogil
    enum:
        STRIDED
        PLAIN
        WITH_AVX2
        WITH_AVX512
    void make_places()
    KeepRow row_keeper(int instructions, int storage, bint single)

make_places()
cdef int instructions = PLAIN


def use(variant):
    """Set the variant whose instructions `compress` uses; see fastnet/kernels/__init__.py."""
    global instructions
    instructions = {"avx2": WITH_AVX2, "avx512": WITH_AVX512}.get(variant, PLAIN)


cdef fused index:
    int32_t
    int64_t

cdef fused element:
    double
    float
    uint8_t

cdef fused value:
    double
    float

_STORAGE = {"d": STRIDED_DOUBLE, "f": STRIDED_FLOAT, "B": STRIDED_BYTE}


cdef bytes checked_places(const Py_ssize_t *places, Py_ssize_t count, Py_ssize_t n):
    """Return an immutable copy of `count` numbers, after checking that all are from 0 to n - 1.

    Raises
    ------
    ValueError
        A number is out of this range.
    """
    cdef bytes copied = PyBytes_FromStringAndSize(NULL, count * sizeof(Py_ssize_t))
    cdef Py_ssize_t *own = <Py_ssize_t *> PyBytes_AS_STRING(copied)
    cdef Py_ssize_t outside = 0
    cdef Py_ssize_t i
    memcpy(own, places, count * sizeof(Py_ssize_t))
    for i in range(count):
        outside += (own[i] < 0) | (own[i] >= n)
    if outside:
        raise ValueError(f"the order of the examples has numbers outside of the {n} rows")
    return copied


cdef cnp.ndarray exact(cnp.ndarray array):
    """Return the array itself or, for a subclass, a plain view, whose attributes can be trusted."""
    return array if array is None or cnp.PyArray_CheckExact(array) else np.asarray(array)


@cython.no_gc  # otherwise gc.get_referents would return the copies
cdef class Rows:
    """Examples in rows: a strided array of float64, float32 or uint8, or only its non-zeros.

    Parameters
    ----------
    X : ndarray, shape (n, n_in)
        Native byte order, aligned, any strides; kept alive, never copied, never written to.
    """

    def __cinit__(self, cnp.ndarray X not None):
        X = exact(X)
        if cnp.PyArray_NDIM(X) != 2 or X.dtype.char not in _STORAGE or not X.dtype.isnative:
            raise TypeError(
                f"rows have dtype {X.dtype} and shape {np.shape(X)}; expected float64, float32 or "
                "uint8 and (n, n_in)"
            )
        if not cnp.PyArray_ISALIGNED(X):
            raise TypeError("rows must be aligned in memory as their element type requires")
        self.owner = X
        self.n = cnp.PyArray_DIM(X, 0)
        self.n_in = cnp.PyArray_DIM(X, 1)
        self.storage = _STORAGE[X.dtype.char]
        self.data = <const char *> cnp.PyArray_DATA(X)
        self.row_stride = cnp.PyArray_STRIDE(X, 0)
        self.col_stride = cnp.PyArray_STRIDE(X, 1)

    @property
    def is_sparse(self):
        """Whether only the non-zeros are stored."""
        return self.storage in (SPARSE_DOUBLE, SPARSE_FLOAT)


cdef class Targets:
    """Targets: class numbers or rows of numbers, possibly with sample weights.

    Parameters
    ----------
    labels : ndarray of int32, shape (n,), or None
        Not negative; copied.
    y : ndarray, C-contiguous, of the network's dtype, shape (n, n_out), or None
        Exactly one of `labels` and `y` is given.
    sample_weights : ndarray, C-contiguous, of the network's dtype, shape (n,), optional
    """

    def __cinit__(self, cnp.ndarray labels, cnp.ndarray y, cnp.ndarray sample_weights=None):
        y, sample_weights = exact(y), exact(sample_weights)
        if labels is not None:
            self.copy_labels(exact(labels))
        else:
            if not is_plain(y, 2):
                raise TypeError("targets must be a contiguous, aligned array of two dimensions")
            self.n = cnp.PyArray_DIM(y, 0)
            self.n_out = cnp.PyArray_DIM(y, 1)
            self.itemsize = cnp.PyArray_ITEMSIZE(y)
            self.y = cnp.PyArray_DATA(y)
            self.owner = y
        if sample_weights is not None:
            if not is_plain(sample_weights, 1) or cnp.PyArray_DIM(sample_weights, 0) != self.n:
                raise TypeError(f"sample weights must be a contiguous, aligned array of {self.n}")
            self.weight_itemsize = cnp.PyArray_ITEMSIZE(sample_weights)
            self.sample_weights = cnp.PyArray_DATA(sample_weights)
            self.weights_owner = sample_weights

    cdef int copy_labels(self, cnp.ndarray labels) except -1:
        cdef bytes copied
        cdef int32_t lowest = 0
        cdef int32_t highest = 0
        cdef Py_ssize_t row
        if (
            cnp.PyArray_NDIM(labels) != 1 or labels.dtype.char != "i"
            or not cnp.PyArray_ISCARRAY_RO(labels)
        ):
            raise TypeError("class numbers must be a contiguous, aligned int32 array")
        self.n = cnp.PyArray_DIM(labels, 0)
        copied = PyBytes_FromStringAndSize(
            <const char *> cnp.PyArray_DATA(labels), self.n * sizeof(int32_t)
        )
        self.labels = <const int32_t *> PyBytes_AS_STRING(copied)
        self.owner = copied
        for row in range(self.n):
            lowest = min(lowest, self.labels[row])
            highest = max(highest, self.labels[row])
        if lowest < 0:
            raise ValueError(f"class number {lowest} is negative")
        self.n_classes = <Py_ssize_t> highest + 1
        return 0

    @property
    def class_numbers(self):
        """The class numbers as an array that cannot be made writeable; None if y was given."""
        return None if self.labels == NULL else np.frombuffer(self.owner, np.int32)


cdef bint is_plain(cnp.ndarray array, int ndim):
    """Return whether an array is contiguous, float64 or float32, with `ndim` dimensions."""
    return (
        array is not None and cnp.PyArray_NDIM(array) == ndim and cnp.PyArray_ISCARRAY_RO(array)
        and cnp.PyArray_TYPE(array) in (cnp.NPY_DOUBLE, cnp.NPY_FLOAT)
    )


cdef inline Py_ssize_t count_beyond(
    const char *row, Py_ssize_t stride, Py_ssize_t n_in, element limit
) noexcept nogil:
    """Return how many elements of a row are beyond +-limit or NaN."""
    cdef Py_ssize_t col
    cdef Py_ssize_t beyond = 0
    for col in range(n_in):
        if element is double or element is float:
            beyond += 0 if fabs((<const element *> (row + col * stride))[0]) <= limit else 1
    return beyond


cdef Py_ssize_t scan_rows(const element[:, :] X, element limit) noexcept nogil:
    """Return the first row with an element beyond +-limit, or -1."""
    cdef Py_ssize_t row, beyond
    for row in range(X.shape[0]):
        # Written twice: a literal stride lets the compiler vectorize this branch.
        if X.strides[1] == sizeof(element):
            beyond = count_beyond(<const char *> &X[row, 0], sizeof(element), X.shape[1], limit)
        else:
            beyond = count_beyond(<const char *> &X[row, 0], X.strides[1], X.shape[1], limit)
        if beyond:
            return row
    return -1


cdef inline element largest_of(element kind, double limit) noexcept nogil:
    """Return `limit`, or the largest number of the element type if that is smaller."""
    if element is double:
        return limit
    elif element is float:
        return <float> min(limit, <double> FLT_MAX)
    else:
        return 255


def scan(const element[:, :] X, double limit):
    """Return the first row with an element that is not accepted, or -1.

    Parameters
    ----------
    X : array of float64, float32 or uint8, shape (n, n_in)
    limit : float
        The largest accepted magnitude; NaN and infinity are never accepted.

    Returns
    -------
    int
    """
    cdef Py_ssize_t bad_row = -1
    cdef element kind = 0
    if X.shape[1] and element is not uint8_t:
        with nogil:
            bad_row = scan_rows(X, largest_of(kind, limit))
    return bad_row


def survey(const value[:, ::1] y):
    """Return facts about the targets, from one pass over them.

    Parameters
    ----------
    y : array of float64 or float32, shape (n, n_out), C-contiguous

    Returns
    -------
    bad_row : int
        The first row with a target that is NaN or infinite, or -1; later rows are not read then.
    lowest, highest : (float, int)
        The number and its row.
    odd_sum : (float, int)
        The sum of a row that is farthest from 1, and the row.
    flags : (bool, bool, bool, bool)
        Whether all targets are 0 or 1; each row has one 1 and otherwise 0; all are -1 or 1; each
        row has one 1 and otherwise -1.
    """
    cdef Py_ssize_t row, col, ones, zeros, minuses
    cdef Py_ssize_t n_out = y.shape[1]
    cdef Py_ssize_t lowest_row = 0, highest_row = 0, odd_row = 0, bad_row = -1
    cdef double lowest = INFINITY, highest = -INFINITY, odd_sum = 1
    cdef double x, total
    cdef bint binary = True, one_hot = True, signs = True, one_hot_signs = True
    with nogil:
        for row in range(y.shape[0]):
            ones = zeros = minuses = 0
            total = 0
            for col in range(n_out):
                x = y[row, col]
                total += x
                ones += x == 1
                zeros += x == 0
                minuses += x == -1
                if x < lowest:
                    lowest = x
                    lowest_row = row
                if x > highest:
                    highest = x
                    highest_row = row
            if not isfinite(total):
                for col in range(n_out):
                    if not isfinite(y[row, col]):
                        bad_row = row
                if bad_row >= 0:
                    break
            if fabs(total - 1) > fabs(odd_sum - 1):
                odd_sum = total
                odd_row = row
            binary = binary and ones + zeros == n_out
            one_hot = one_hot and ones == 1 and zeros == n_out - 1
            signs = signs and ones + minuses == n_out
            one_hot_signs = one_hot_signs and ones == 1 and minuses == n_out - 1
    return (
        bad_row, (lowest, lowest_row), (highest, highest_row), (odd_sum, odd_row),
        (bool(binary), bool(one_hot), bool(signs), bool(one_hot_signs)),
    )


cdef enum:
    SAMPLE_ROWS = 64  # rows that are counted first, to estimate the non-zeros
    DONE = -1
    TOO_MANY = -2
    INEXACT = -3
    LEAST_SHIFT = 5  # smallest shift from a column number to its stretch between two marks
    MOST_STRETCHES = 65536 >> LEAST_SHIFT
    NO_MARKS = 16  # a shift that leaves no column for a mark
    WORTH_A_THREAD = 500_000  # elements
    NONZEROS = 4  # desired average number in a stretch: empty ones are useless


cdef int shift_for(double non_zeros, double elements) noexcept:
    """Return the shift from column numbers to stretches, for this share of non-zeros."""
    cdef int shift = LEAST_SHIFT
    while (1 << shift) * non_zeros < NONZEROS * elements and shift < NO_MARKS:
        shift += 1
    return shift


cdef void mark_rows(Rows rows, uint16_t *marks, int shift) noexcept nogil:
    cdef uint16_t ends[MOST_STRETCHES]
    cdef uint16_t end
    cdef const uint16_t *cols
    cdef Py_ssize_t row, j, stretch
    for row in range(rows.n):
        memset(ends, 0, (rows.n_marks + 1) * sizeof(uint16_t))
        cols = rows.cols + rows.starts[row]
        for j in range(rows.starts[row + 1] - rows.starts[row]):
            # Written without reading, so that no iteration waits for another; the last one stays.
            ends[cols[j] >> shift] = <uint16_t> (j + 1)
        end = 0
        for stretch in range(rows.n_marks):
            end = max(end, ends[stretch])
            marks[stretch] = end
        marks += rows.n_marks


cdef int mark(Rows rows) except -1:
    """Store for each row how many non-zeros are before certain columns, where blocks may begin."""
    cdef int shift = shift_for(rows.starts[rows.n], <double> rows.n * rows.n_in)
    cdef cnp.ndarray marks = keep_marks(rows, shift)
    with nogil:
        mark_rows(rows, <uint16_t *> cnp.PyArray_DATA(marks), shift)
    return 0


cdef cnp.ndarray keep_marks(Rows rows, int shift):
    """Return a new array for the rows' marks, still to be filled."""
    cdef cnp.ndarray marks = np.empty((rows.n, max(rows.n_in - 1, 0) >> shift), dtype=np.uint16)
    rows.columns_per_mark = 1 << shift
    rows.n_marks = cnp.PyArray_DIM(marks, 1)
    rows.marks = <const uint16_t *> cnp.PyArray_DATA(marks)
    rows.owner = (rows.owner, marks)
    return marks


# One thread's part of the rows to compress.
cdef struct Part:
    KeepRow keep_row
    const char *data
    Py_ssize_t row_stride
    Py_ssize_t col_stride
    Py_ssize_t n
    Py_ssize_t n_in
    double limit
    Py_ssize_t most  # maximum number of non-zeros; there is room for one row more
    Py_ssize_t value_size
    int64_t *starts
    uint16_t *cols
    char *values
    uint16_t *marks
    Py_ssize_t n_marks
    int shift
    Py_ssize_t result
    int64_t count
    ThreadHandle handle
    bint has_thread


cdef void *keep_part(void *argument) noexcept nogil:
    """Copy the non-zeros; set `result` to DONE, TOO_MANY, or the first row that is not accepted."""
    cdef Part *part = <Part *> argument
    cdef int64_t j = 0
    cdef int odd = 0
    cdef Py_ssize_t row, found
    part.result = TOO_MANY
    for row in range(part.n):
        part.starts[row] = j
        found = part.keep_row(
            part.data + row * part.row_stride, part.col_stride, part.n_in, part.limit,
            part.cols + j, part.values + j * part.value_size, part.marks + row * part.n_marks,
            part.shift, &odd,
        )
        if odd:
            part.result = row
            return NULL
        j += found
        if j > part.most:
            return NULL
    part.count = j
    part.result = DONE
    return NULL


cdef void keep_parts(Part *parts, Py_ssize_t n_parts) noexcept nogil:
    """Compress each part in its own thread, or here if a thread cannot be started."""
    cdef Py_ssize_t t
    for t in range(1, n_parts):
        parts[t].has_thread = thread_start(&parts[t].handle, keep_part, &parts[t])
    keep_part(&parts[0])
    for t in range(1, n_parts):
        if parts[t].has_thread:
            thread_join(&parts[t].handle)
        else:
            keep_part(&parts[t])


cdef void join_parts(Part *parts, Py_ssize_t n_parts) noexcept nogil:
    """Append the non-zeros of all parts to those of the first, and complete the starts."""
    cdef Py_ssize_t size = parts[0].value_size
    cdef int64_t j = parts[0].count
    cdef Py_ssize_t t, row
    for t in range(1, n_parts):
        memmove(parts[0].cols + j, parts[t].cols, parts[t].count * sizeof(uint16_t))
        memmove(parts[0].values + j * size, parts[t].values, parts[t].count * size)
        for row in range(parts[t].n):
            parts[t].starts[row] += j
        j += parts[t].count
    parts[n_parts - 1].starts[parts[n_parts - 1].n] = j


cdef inline double limit_of(Rows X, double limit):
    """Return `limit`, or the largest number of the element type if that is smaller."""
    return min(limit, <double> FLT_MAX) if X.storage == STRIDED_FLOAT else limit


cdef KeepRow keeper_of(Rows X, bint single):
    """Return the fastest function that copies the non-zeros of a row of X."""
    cdef Py_ssize_t size = (
        sizeof(double) if X.storage == STRIDED_DOUBLE
        else sizeof(float) if X.storage == STRIDED_FLOAT else 1
    )
    return row_keeper(instructions if X.col_stride == size else STRIDED, X.storage, single)


cdef Py_ssize_t count_row(Rows X, Py_ssize_t row, double limit, int *odd) except -1:
    """Return the number of non-zeros of a row; set `odd` if one of them is not accepted."""
    cdef bytes room = PyBytes_FromStringAndSize(
        NULL, X.n_in * (sizeof(double) + sizeof(uint16_t))
    )
    cdef char *values = PyBytes_AS_STRING(room)
    return keeper_of(X, False)(
        X.data + row * X.row_stride, X.col_stride, X.n_in, limit_of(X, limit),
        <uint16_t *> (values + X.n_in * sizeof(double)), values, NULL, NO_MARKS, odd,
    )


def compress(
    cnp.ndarray X not None, double limit, double share, Py_ssize_t most_bytes, int n_threads=1
):
    """Check X and copy its non-zeros, in one pass, if there are few enough.

    Parameters
    ----------
    X : array of float64, float32 or uint8, shape (n, n_in), as `Rows` takes it
    limit : float
        The largest accepted magnitude; NaN and infinity are never accepted.
    share : float
        Maximum share of non-zeros.
    most_bytes : int
        Maximum size of the copy.
    n_threads : int
        Maximum number of threads; the result is the same for any number.

    Returns
    -------
    bad_row : int
        The first row with an element that is not accepted, or -1.
    rows : Rows or None
        The non-zeros, as float32 if that changes none of them; None if there are too many, and then
        the rest of X was not read.
    """
    cdef Rows given = Rows(X)
    cdef Py_ssize_t step = max(given.n // SAMPLE_ROWS, 1)
    cdef Py_ssize_t sampled = (given.n + step - 1) // step
    cdef Py_ssize_t found = 0
    cdef Py_ssize_t row, most, expected, result, n_parts
    cdef int shift, odd
    if given.n_in > 65536:
        return -1, None
    for row in range(0, given.n, step):
        found += count_row(given, row, limit, &odd)
    if found > 1.25 * share * sampled * given.n_in + 64:
        return -1, None
    shift = shift_for(found, sampled * given.n_in)
    expected = <Py_ssize_t> (1.25 * found * step) + 4096
    for single, size in ((True, 6), (False, 10)):
        most = min(<Py_ssize_t> (share * given.n * given.n_in), most_bytes // size)
        n_parts = min(n_threads, given.n * given.n_in // WORTH_A_THREAD) if HAVE_THREADS else 1
        n_parts = max(n_parts, 1)
        result, rows = try_to_keep(given, limit, min(expected, most), single, shift, n_parts)
        # If the sample was not representative, try again with the maximum size.
        if result == TOO_MANY and (expected < most or n_parts > 1):
            result, rows = try_to_keep(given, limit, most, single, shift, 1)
        if result != INEXACT:
            break
    if result == DONE and (<Rows> rows).starts[given.n] > most:
        rows = None
    return max(result, -1), rows


cdef try_to_keep(
    Rows X, double limit, Py_ssize_t most, bint single, int shift, Py_ssize_t n_parts
):
    """Return DONE and the rows; or TOO_MANY, INEXACT, or the first bad row, and None.

    With several parts, each may have up to twice its share of the non-zeros.
    """
    cdef Py_ssize_t value_size = sizeof(float) if single else sizeof(double)
    # Room for one row more, which is written before it is counted.
    cdef Py_ssize_t part_most = most if n_parts == 1 else 2 * (most // n_parts + 1)
    cdef Py_ssize_t room = part_most + X.n_in + 1
    cdef cnp.ndarray starts = np.empty(X.n + 1, dtype=np.int64)
    cdef cnp.ndarray cols = np.empty(n_parts * room, dtype=np.uint16)
    cdef cnp.ndarray values = np.empty(n_parts * room, dtype=np.float32 if single else np.float64)
    cdef bytes memory = PyBytes_FromStringAndSize(NULL, n_parts * sizeof(Part))
    cdef Part *parts = <Part *> PyBytes_AS_STRING(memory)
    cdef Part *part
    cdef Py_ssize_t t, row, first
    cdef int odd
    cdef Rows rows = Rows.__new__(Rows, np.empty((0, X.n_in)))
    keep(rows, X.n, X.n_in, single, starts, cols, values)
    keep_marks(rows, shift)
    for t in range(n_parts):
        part = &parts[t]
        first = X.n * t // n_parts
        part.keep_row = keeper_of(X, single)
        part.data = X.data + first * X.row_stride
        part.row_stride = X.row_stride
        part.col_stride = X.col_stride
        part.n = X.n * (t + 1) // n_parts - first
        part.n_in = X.n_in
        part.limit = limit_of(X, limit)
        part.most = part_most
        part.value_size = value_size
        part.starts = <int64_t *> rows.starts + first
        part.cols = <uint16_t *> rows.cols + t * room
        part.values = <char *> rows.values + t * room * value_size
        part.marks = <uint16_t *> rows.marks + first * rows.n_marks
        part.n_marks = rows.n_marks
        part.shift = shift
    with nogil:
        keep_parts(parts, n_parts)
    for t in range(n_parts):
        if parts[t].result >= 0:
            row = X.n * t // n_parts + parts[t].result
            count_row(X, row, limit, &odd)
            # A number that only float32 would change can be stored as float64.
            return INEXACT if single and X.storage == STRIDED_DOUBLE and not odd else row, None
        if parts[t].result == TOO_MANY:
            return TOO_MANY, None
    with nogil:
        join_parts(parts, n_parts)
    return DONE, rows


cdef void keep(
    Rows rows, Py_ssize_t n, Py_ssize_t n_in, bint single, cnp.ndarray starts, cnp.ndarray cols,
    cnp.ndarray values,
):
    """Set `rows` to the non-zeros in these arrays, and keep the arrays alive."""
    rows.owner = (starts, cols, values)
    rows.n = n
    rows.n_in = n_in
    rows.storage = SPARSE_FLOAT if single else SPARSE_DOUBLE
    rows.starts = <int64_t *> cnp.PyArray_DATA(starts)
    rows.cols = <uint16_t *> cnp.PyArray_DATA(cols)
    rows.values = cnp.PyArray_DATA(values)


cdef bint copy_starts(
    const index *starts, Py_ssize_t n, Py_ssize_t most, int64_t *own
) noexcept nogil:
    """Copy the starts, and return whether they rise from 0 to `most` or less."""
    cdef Py_ssize_t row
    cdef bint good
    for row in range(n + 1):
        own[row] = starts[row]
    good = own[0] == 0 and own[n] <= most
    for row in range(n):
        good &= own[row] <= own[row + 1]
    return good


cdef Py_ssize_t copy_cols(
    const index *cols, Py_ssize_t n, Py_ssize_t n_in, const int64_t *starts, uint16_t *own
) noexcept nogil:
    """Copy the columns; return the first row whose numbers do not rise or are too large, or -1."""
    cdef Py_ssize_t row, j, first, end
    cdef index bits
    cdef uint16_t falls
    for row in range(n):
        first = starts[row]
        end = starts[row + 1]
        if first == end:
            continue
        bits = 0
        falls = 0
        for j in range(first, end):
            own[j] = <uint16_t> cols[j]
            bits |= cols[j]
        for j in range(first + 1, end):
            falls |= own[j] <= own[j - 1]
        # The last two checks, of the copy, keep kernels within their arrays.
        if bits >> 16 != 0 or falls or own[end - 1] >= n_in:
            return row
    return -1


def from_csr(cnp.ndarray starts not None, cnp.ndarray cols not None, cnp.ndarray values not None,
             Py_ssize_t n_in):
    """Return rows from the arrays of a CSR matrix.

    Parameters
    ----------
    starts : ndarray of int32 or int64, contiguous, shape (n + 1,)
        Row i has the non-zeros starts[i] .. starts[i + 1]. Copied.
    cols : ndarray of the same type, contiguous
        Below n_in, increasing in each row. Copied.
    values : ndarray of float64 or float32, contiguous
        At least as many as cols; kept alive, never copied, never written to.
    n_in : int
        At most 65536.

    Returns
    -------
    Rows

    Raises
    ------
    ValueError
        An index is out of range, or column numbers do not increase in a row.
    """
    cdef Rows rows = Rows.__new__(Rows, np.empty((0, n_in)))
    cdef Py_ssize_t most
    cdef Py_ssize_t bad_row
    cdef bint wide, good
    cdef const void *given
    cdef cnp.ndarray own_starts, own_cols
    starts, cols, values = exact(starts), exact(cols), exact(values)
    for array in (starts, cols, values):
        if array.ndim != 1 or not cnp.PyArray_ISCARRAY_RO(array):
            raise TypeError("starts, cols and values must be contiguous, aligned vectors")
    if starts.dtype != cols.dtype or starts.dtype not in (np.int32, np.int64):
        raise TypeError(
            f"indices are {starts.dtype} and {cols.dtype}; expected both int32 or both int64"
        )
    if not is_plain(values, 1):
        raise TypeError(f"values are {values.dtype}; expected float64 or float32")
    if n_in > 65536:
        raise ValueError(f"{n_in} columns do not fit 16-bit column numbers")
    if cnp.PyArray_DIM(starts, 0) < 1:
        raise ValueError("starts is empty")
    wide = cnp.PyArray_ITEMSIZE(starts) == sizeof(int64_t)
    most = min(cnp.PyArray_DIM(cols, 0), cnp.PyArray_DIM(values, 0))
    own_starts = np.empty(cnp.PyArray_DIM(starts, 0), dtype=np.int64)
    rows.n = cnp.PyArray_DIM(own_starts, 0) - 1
    rows.starts = <int64_t *> cnp.PyArray_DATA(own_starts)
    given = cnp.PyArray_DATA(starts)
    if wide:
        good = copy_starts(<const int64_t *> given, rows.n, most, <int64_t *> rows.starts)
    else:
        good = copy_starts(<const int32_t *> given, rows.n, most, <int64_t *> rows.starts)
    if not good:
        raise ValueError("starts does not rise from 0 to the last non-zero")
    own_cols = np.empty(rows.starts[rows.n], dtype=np.uint16)
    keep(rows, rows.n, n_in, cnp.PyArray_TYPE(values) == cnp.NPY_FLOAT, own_starts, own_cols,
         values)
    given = cnp.PyArray_DATA(cols)
    with nogil:
        if wide:
            bad_row = copy_cols(
                <const int64_t *> given, rows.n, n_in, rows.starts, <uint16_t *> rows.cols
            )
        else:
            bad_row = copy_cols(
                <const int32_t *> given, rows.n, n_in, rows.starts, <uint16_t *> rows.cols
            )
    if bad_row >= 0:
        raise ValueError(
            f"column numbers are out of range, or do not increase, in row {bad_row}"
        )
    mark(rows)
    return rows
