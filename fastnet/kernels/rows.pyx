"""Rows of inputs and their targets, wrapped once so that kernels can walk them without Python.

Nothing here copies a dense X. `compress` writes the non-zero elements of an array that is mostly
zeros beside it, 6 or 10 bytes each; `from_csr` takes those of a matrix that is sparse already.
What is used as an index is copied first and then checked in the copy; see fastnet/kernels.
"""
cimport cython
cimport numpy as cnp
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.float cimport FLT_MAX
from libc.math cimport INFINITY, fabs, isfinite
from libc.stdint cimport int32_t, int64_t, uint16_t, uint8_t
from libc.string cimport memcpy, memset

import numpy as np

cnp.import_array()

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
    """A copy of `count` numbers, all of them from 0 to n - 1, in memory that nobody else writes.

    Raises
    ------
    ValueError
        One of them is not.
    """
    cdef bytes copied = PyBytes_FromStringAndSize(NULL, count * sizeof(Py_ssize_t))
    cdef Py_ssize_t *own = <Py_ssize_t *> PyBytes_AS_STRING(copied)
    cdef Py_ssize_t outside = 0
    cdef Py_ssize_t i
    memcpy(own, places, count * sizeof(Py_ssize_t))
    for i in range(count):
        outside += (own[i] < 0) | (own[i] >= n)
    if outside:
        raise ValueError(f"the order of the examples leads outside of the {n} rows that there are")
    return copied


cdef cnp.ndarray exact(cnp.ndarray array):
    """The array, or a view of it of NumPy's own class, whose attributes say what it is."""
    return array if array is None or cnp.PyArray_CheckExact(array) else np.asarray(array)


@cython.no_gc  # with it, gc.get_referents would hand the copies out
cdef class Rows:
    """Examples in rows: a strided array of float64, float32 or uint8, or its non-zeros alone.

    Parameters
    ----------
    X : ndarray, shape (n, n_in)
        Native byte order, aligned, any strides; kept alive, never copied, never written to.
    """

    def __cinit__(self, cnp.ndarray X not None):
        X = exact(X)
        if cnp.PyArray_NDIM(X) != 2 or X.dtype.char not in _STORAGE or not X.dtype.isnative:
            raise TypeError(
                f"rows of shape (n, n_in) in float64, float32 or uint8, not {X.dtype} {np.shape(X)}"
            )
        if not cnp.PyArray_ISALIGNED(X):
            raise TypeError("rows must be aligned in memory as their element type is")
        self.owner = X
        self.n = cnp.PyArray_DIM(X, 0)
        self.n_in = cnp.PyArray_DIM(X, 1)
        self.storage = _STORAGE[X.dtype.char]
        self.data = <const char *> cnp.PyArray_DATA(X)
        self.row_stride = cnp.PyArray_STRIDE(X, 0)
        self.col_stride = cnp.PyArray_STRIDE(X, 1)

    @property
    def is_sparse(self):
        """Whether only the non-zeros are held."""
        return self.storage in (SPARSE_DOUBLE, SPARSE_FLOAT)


cdef class Targets:
    """What the network should have answered: class numbers or rows of targets, maybe weighted.

    Parameters
    ----------
    labels : ndarray of int32, shape (n,), or None
        Not negative; copied.
    y : ndarray, C-contiguous, of the network's dtype, shape (n, n_out), or None
        One of the two is given.
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
            raise ValueError(f"{lowest} is no class number")
        self.n_classes = <Py_ssize_t> highest + 1
        return 0

    @property
    def class_numbers(self):
        """The class numbers as an array that nobody can make writeable; None where y was given."""
        return None if self.labels == NULL else np.frombuffer(self.owner, np.int32)


cdef bint is_plain(cnp.ndarray array, int ndim):
    """Whether it holds floats of a kernel's type, one behind another."""
    return (
        array is not None and cnp.PyArray_NDIM(array) == ndim and cnp.PyArray_ISCARRAY_RO(array)
        and cnp.PyArray_TYPE(array) in (cnp.NPY_DOUBLE, cnp.NPY_FLOAT)
    )


cdef inline Py_ssize_t count_beyond(
    const char *row, Py_ssize_t stride, Py_ssize_t n_in, element limit
) noexcept nogil:
    """How many elements of a row lie outside +-limit: a comparison with NaN is false, too."""
    cdef Py_ssize_t col
    cdef Py_ssize_t beyond = 0
    for col in range(n_in):
        if element is double or element is float:
            beyond += 0 if fabs((<const element *> (row + col * stride))[0]) <= limit else 1
    return beyond


cdef Py_ssize_t scan_rows(const element[:, :] X, element limit) noexcept nogil:
    """The first row with an element beyond +-limit, or -1."""
    cdef Py_ssize_t row, beyond
    for row in range(X.shape[0]):
        # Said twice, so that the compiler can make vectors of the one with a literal stride.
        if X.strides[1] == sizeof(element):
            beyond = count_beyond(<const char *> &X[row, 0], sizeof(element), X.shape[1], limit)
        else:
            beyond = count_beyond(<const char *> &X[row, 0], X.strides[1], X.shape[1], limit)
        if beyond:
            return row
    return -1


cdef inline element largest_of(element kind, double limit) noexcept nogil:
    """`limit`, or the largest number of the element type if that is smaller."""
    if element is double:
        return limit
    elif element is float:
        return <float> min(limit, <double> FLT_MAX)
    else:
        return 255


def scan(const element[:, :] X, double limit):
    """Look once at every element.

    Parameters
    ----------
    X : array of float64, float32 or uint8, shape (n, n_in)
    limit : float
        The largest magnitude that is accepted; NaN and infinity never are.

    Returns
    -------
    int
        The first row with an element that is refused, or -1.
    """
    cdef Py_ssize_t bad_row = -1
    cdef element kind = 0
    if X.shape[1] and element is not uint8_t:
        with nogil:
            bad_row = scan_rows(X, largest_of(kind, limit))
    return bad_row


def survey(const value[:, ::1] y):
    """Look once at every target, for what they may mean.

    Parameters
    ----------
    y : array of float64 or float32, shape (n, n_out), C-contiguous

    Returns
    -------
    bad_row : int
        The first row with a target that is NaN or infinite, or -1; where there is one, the rest has
        not been looked at.
    lowest, highest : (float, int)
        The number and its row.
    odd_sum : (float, int)
        The sum of a row that is farthest from 1, and the row.
    flags : (bool, bool, bool, bool)
        Whether all are 0 or 1; each row has one 1 and else 0; all are -1 or 1; each row has one 1
        and else -1.
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
    SAMPLE_ROWS = 64  # that are looked at before all others
    DONE = -1
    TOO_MANY = -2
    INEXACT = -3
    LEAST_SHIFT = 5  # of a column number, to the number of its stretch between two marks
    MOST_STRETCHES = 65536 >> LEAST_SHIFT
    NONZEROS = 4  # that a stretch should have on the average: empty ones are no use


cdef void mark_rows(Rows rows, uint16_t *marks, int shift) noexcept nogil:
    cdef uint16_t ends[MOST_STRETCHES]
    cdef uint16_t end
    cdef const uint16_t *cols
    cdef Py_ssize_t row, j, stretch
    for row in range(rows.n):
        memset(ends, 0, (rows.n_marks + 1) * sizeof(uint16_t))
        cols = rows.cols + rows.starts[row]
        for j in range(rows.starts[row + 1] - rows.starts[row]):
            # The last one stays, and none is read: nothing here has to wait.
            ends[cols[j] >> shift] = <uint16_t> (j + 1)
        end = 0
        for stretch in range(rows.n_marks):
            end = max(end, ends[stretch])
            marks[stretch] = end
        marks += rows.n_marks


cdef int mark(Rows rows) except -1:
    """Note where the non-zeros of each row pass certain columns: from there on, blocks are cut."""
    cdef double non_zeros = rows.starts[rows.n] / <double> max(rows.n, 1)
    cdef cnp.ndarray marks
    cdef int shift = LEAST_SHIFT
    while (1 << shift) * non_zeros < NONZEROS * rows.n_in and shift < 16:
        shift += 1
    rows.columns_per_mark = 1 << shift
    rows.n_marks = max(rows.n_in - 1, 0) >> shift
    marks = np.empty((rows.n, rows.n_marks), dtype=np.uint16)
    with nogil:
        mark_rows(rows, <uint16_t *> cnp.PyArray_DATA(marks), shift)
    rows.marks = <const uint16_t *> cnp.PyArray_DATA(marks)
    rows.owner = (rows.owner, marks)
    return 0


cdef Py_ssize_t count_sampled(const element[:, :] X, Py_ssize_t step) noexcept nogil:
    """Non-zeros in every step-th row."""
    cdef Py_ssize_t row = 0
    cdef Py_ssize_t col
    cdef Py_ssize_t count = 0
    while row < X.shape[0]:
        for col in range(X.shape[1]):
            count += X[row, col] != 0
        row += step
    return count


cdef inline bint all_zero(const element *x) noexcept nogil:
    """Whether eight neighbours are, of either sign; NaN is not."""
    return (
        (x[0] == 0) & (x[1] == 0) & (x[2] == 0) & (x[3] == 0)
        & (x[4] == 0) & (x[5] == 0) & (x[6] == 0) & (x[7] == 0)
    )


cdef Py_ssize_t fill_sparse(
    const element[:, :] X, element limit, Py_ssize_t most, int64_t *starts, uint16_t *cols,
    value *values,
) noexcept nogil:
    """Write the non-zeros down: DONE, or TOO_MANY, or INEXACT, or the first row that is refused.

    There is room for a row more than `most`.
    """
    cdef Py_ssize_t row, col, end
    cdef int64_t j = 0
    cdef Py_ssize_t beyond, inexact
    cdef bint contiguous = X.strides[1] == sizeof(element)
    cdef element x
    for row in range(X.shape[0]):
        starts[row] = j
        if j > most:
            return TOO_MANY
        beyond = 0
        inexact = 0
        col = 0
        while col < X.shape[1]:
            end = min(col + 8, X.shape[1])
            if contiguous and end == col + 8 and all_zero(&X[row, col]):
                col = end
                continue
            for col in range(col, end):
                x = X[row, col]
                # Written always and kept only if the cursor moves: no branch to mispredict.
                cols[j] = <uint16_t> col
                values[j] = <value> x
                j += x != 0
                if element is double or element is float:
                    beyond += 0 if fabs(x) <= limit else 1
                if element is double and value is float:
                    inexact += 0 if <double> (<float> x) == x else 1
            col = end
        if beyond:
            return row
        if inexact:
            return INEXACT
    starts[X.shape[0]] = j
    return TOO_MANY if j > most else DONE


def compress(const element[:, :] X, double limit, double share, Py_ssize_t most_bytes):
    """Check X and keep its non-zeros, row after row, in one pass; if there are few enough.

    Parameters
    ----------
    X : array of float64, float32 or uint8, shape (n, n_in), n_in <= 65536
    limit : float
        The largest magnitude that is accepted; NaN and infinity never are.
    share : float
        Of the elements, that may be non-zero at most.
    most_bytes : int
        That the non-zeros may take.

    Returns
    -------
    bad_row : int
        The first row with an element that is refused, or -1.
    rows : Rows or None
        The non-zeros, as float32 if that changes none of them; None where there are more than
        they may be, and then the rest of X has not been looked at.
    """
    cdef Py_ssize_t step = max(X.shape[0] // SAMPLE_ROWS, 1)
    cdef Py_ssize_t sampled, found, most, expected, result
    if X.shape[1] > 65536:
        return -1, None
    with nogil:
        found = count_sampled(X, step)
    sampled = (X.shape[0] + step - 1) // step * X.shape[1]
    if found > 1.25 * share * sampled + 64:
        return -1, None
    most = min(<Py_ssize_t> (share * X.shape[0] * X.shape[1]), most_bytes // 6)
    # The sample may be a bad one: then everything is done once more, with all the room allowed.
    expected = min(most, <Py_ssize_t> (1.25 * found * step) + 4096)
    result, rows = try_to_keep(X, limit, expected, True)
    if result == TOO_MANY and expected < most:
        result, rows = try_to_keep(X, limit, most, True)
    if result == INEXACT:
        result, rows = try_to_keep(X, limit, min(most, most_bytes // 10), False)
    return max(result, -1), rows


cdef try_to_keep(const element[:, :] X, double limit, Py_ssize_t most, bint single):
    """What `fill_sparse` says, and the rows if it is DONE."""
    cdef element kind = 0
    cdef Py_ssize_t result
    cdef cnp.ndarray starts = np.empty(X.shape[0] + 1, dtype=np.int64)
    # Room for a row more, which is written before it is counted.
    cdef cnp.ndarray cols = np.empty(most + X.shape[1] + 1, dtype=np.uint16)
    cdef cnp.ndarray values = np.empty(
        most + X.shape[1] + 1, dtype=np.float32 if single else np.float64
    )
    cdef int64_t *starts_data = <int64_t *> cnp.PyArray_DATA(starts)
    cdef uint16_t *cols_data = <uint16_t *> cnp.PyArray_DATA(cols)
    cdef void *values_data = cnp.PyArray_DATA(values)
    cdef element largest = largest_of(kind, limit)
    cdef Rows rows
    with nogil:
        if single:
            result = fill_sparse(X, largest, most, starts_data, cols_data, <float *> values_data)
        else:
            result = fill_sparse(X, largest, most, starts_data, cols_data, <double *> values_data)
    if result != DONE:
        return result, None
    rows = Rows.__new__(Rows, np.empty((0, X.shape[1])))
    keep(rows, X.shape[0], X.shape[1], single, starts, cols, values)
    mark(rows)
    return DONE, rows


cdef void keep(
    Rows rows, Py_ssize_t n, Py_ssize_t n_in, bint single, cnp.ndarray starts, cnp.ndarray cols,
    cnp.ndarray values,
):
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
    """Copy them, and return whether they rise from 0 to `most` or less."""
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
    """Copy them, and return the first row whose numbers do not rise or lead outside, or -1."""
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
        # What keeps kernels inside their arrays are the last two, of what has been written.
        if bits >> 16 != 0 or falls or own[end - 1] >= n_in:
            return row
    return -1


def from_csr(cnp.ndarray starts not None, cnp.ndarray cols not None, cnp.ndarray values not None,
             Py_ssize_t n_in):
    """Rows that are given by their non-zeros, in the arrays of a CSR matrix.

    Parameters
    ----------
    starts : ndarray of int32 or int64, contiguous, shape (n + 1,)
        Row i has the non-zeros starts[i] .. starts[i + 1]. Copied.
    cols : ndarray of the same type, contiguous
        Below n_in, rising in each row. Copied.
    values : ndarray of float64 or float32, contiguous
        As many as cols or more; kept alive, never copied, never written to.
    n_in : int
        At most 65536.

    Returns
    -------
    Rows

    Raises
    ------
    ValueError
        An index leads outside, or column numbers do not rise in a row.
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
        raise TypeError(f"indices in int32 or int64, not {starts.dtype} and {cols.dtype}")
    if not is_plain(values, 1):
        raise TypeError(f"values in float64 or float32, not {values.dtype}")
    if n_in > 65536:
        raise ValueError(f"{n_in} columns do not fit 16-bit column numbers")
    if cnp.PyArray_DIM(starts, 0) < 1:
        raise ValueError("starts has no element")
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
        raise ValueError(f"column numbers lead outside, or do not rise, in row {bad_row}")
    mark(rows)
    return rows
