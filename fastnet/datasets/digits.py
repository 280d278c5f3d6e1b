"""`read_digit`: a picture of a handwritten digit as input of a network trained on MNIST."""

from __future__ import annotations

import os
import re
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnet.common.arguments import as_path, in_one_line
from fastnet.common.errors import missing_extra
from fastnet.data.rows import as_real_array

__all__ = ["as_grey", "is_picture", "read_digit"]

Array = NDArray[Any]

#: The formats that are read; another of Pillow's starts a program.
_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
_BEGINNINGS = re.compile(
    rb"\x89PNG|\xff\xd8\xff|GIF8[79]a|BM.{4}\0{4}|II\*\0|MM\0\*|RIFF.{4}WEBP|P[56]\s+\d", re.DOTALL
)
#: Larger pictures are refused: a small file can declare a huge one.
_MOST_PIXELS = 100_000_000
#: Larger pictures are reduced to this side first.
_WORK_SIDE = 400
#: Smaller pictures are treated as drawings, with even light and no noise.
_PHOTOGRAPH = 100
#: MNIST's recipe: digits fit a box of 20 pixels in an image of 28.
_BOX, _SIDE = 20, 28
#: Strokes are measured on a grid that is finer than the image by this factor. One in eight of
#: MNIST's strokes is thinner than this many pixels of the image.
_FINE, _THIN_STROKE = 4, 1.4
#: Ink is darker than the paper by at least this share of the range from black to white, and by this
#: many times the median difference of neighbouring pixels.
_LEAST_CONTRAST, _LEAST_DIFFERENCES = 0.1, 6.0
#: A piece with less than this share of the largest piece's ink is dirt.
_DIRT = 0.05


def read_digit(picture: str | os.PathLike[str] | ArrayLike, *, raw: bool = False) -> Array:
    """Return a picture of one digit as input of a network trained on MNIST.

    The picture may be a photograph, a scan or a drawing, dark on light or light on dark. It is
    converted to grey levels, uneven light and dirt are removed, and light on dark is inverted. The
    digit is cropped, scaled to fit 20 x 20 pixels with its aspect ratio kept, and centred by mass
    in 28 x 28. Very thin strokes are thickened.

    Parameters
    ----------
    picture : path or array_like
        A PNG, JPEG, GIF, BMP, TIFF, WebP, PGM or PPM file; or an array of shape (height, width),
        (height, width, 3) or (height, width, 4): numbers from 0 to 1, integers from 0 to 255, or
        bool. The fourth channel is opacity.
    raw : bool, keyword only, default False
        If true, return bytes 0..255 as uint8, like those of MNIST's files.

    Returns
    -------
    ndarray of float64, shape (784,)
        The pixels row by row, each its byte / 256 as from `load_mnist`: 0 is paper, larger is ink.
        With `raw`, uint8.

    Raises
    ------
    ValueError
        The file is not a picture of these formats or is damaged; it has more than 100 million
        pixels; an array has another shape or other numbers; or the picture is empty.
    OSError
        The file cannot be read.
    TypeError
        The array does not contain real numbers.
    ImportError
        Pillow is missing; the message says how to install it.

    References
    ----------
    Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits", for the
    normalization; its program has not been published.

    Examples
    --------
    >>> import numpy as np
    >>> paper = np.full((90, 120), 0.9)
    >>> paper[20:70, 80:90] = 0.2  # a one, right of the middle
    >>> image = read_digit(paper).reshape(28, 28)
    >>> rows, columns = np.nonzero(image)
    >>> [int(side) for side in (rows.min(), rows.max(), columns.min(), columns.max())]
    [4, 23, 12, 15]
    """
    ink = _ink(as_grey(picture))
    box = _in_box(_without_dirt(ink))
    rows, columns = np.indices(box.shape)
    image = np.zeros((_SIDE, _SIDE), np.uint8)
    top, left = (
        int(np.clip(round(_SIDE / 2 - float(np.average(place, weights=box))), 0, _SIDE - length))
        for place, length in zip((rows, columns), box.shape, strict=True)
    )
    image[top : top + box.shape[0], left : left + box.shape[1]] = np.rint(255 * box)
    return image.ravel() if raw else image.ravel() / 256


def is_picture(path: str | os.PathLike[str]) -> bool:
    """Return whether a file begins like a picture in one of the formats of `read_digit`.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    with open(path, "rb") as file:
        return _BEGINNINGS.match(file.read(12)) is not None


def as_grey(picture: str | os.PathLike[str] | ArrayLike) -> Array:
    """Return a picture as grey levels from 0, black, to 1, white, at most 400 pixels wide and high.

    Transparent parts become white, or black if the opaque parts are light.

    Raises
    ------
    OSError, ValueError, TypeError, ImportError
        As for `read_digit`.
    """
    try:
        from PIL import Image
    except ImportError:
        raise missing_extra("read_digit", "pillow") from None
    if isinstance(picture, (str, bytes, os.PathLike)):
        colours = _read(as_path(picture, "picture"))
    else:
        colours = Image.fromarray(_as_bytes(picture))
    colours.thumbnail((_WORK_SIDE, _WORK_SIDE), Image.Resampling.BOX)
    grey = np.asarray(colours.convert("L"), np.float64) / 255
    if "A" not in colours.getbands():
        return grey
    opacity = np.asarray(colours.getchannel("A"), np.float64) / 255
    if not opacity.any():
        return np.ones_like(grey)
    paper = float(np.average(grey, weights=opacity) < 0.5)
    return opacity * grey + (1 - opacity) * (paper if (opacity < 0.5).any() else 1.0)


def _read(path: str) -> Any:
    """Return a file's picture in mode L, RGB or RGBA, turned as its EXIF data say."""
    from PIL import Image, ImageOps

    name = in_one_line(repr(path))
    with open(path, "rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of large pictures, and of harmless damage
        try:
            with Image.open(file, formats=_FORMATS) as image:
                if image.width * image.height > _MOST_PIXELS:
                    raise ValueError(
                        f"it has {image.width} x {image.height} pixels; give {_MOST_PIXELS:,} at "
                        "most"
                    )
                image.draft("RGB", (2 * _WORK_SIDE, 2 * _WORK_SIDE))  # JPEG is read reduced
                upright = ImageOps.exif_transpose(image)
                if upright.mode.startswith("I"):  # 16 bits
                    levels = np.asarray(upright, np.float64) / 257
                    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
                return upright.convert("RGBA" if upright.has_transparency_data else "RGB")
        except Image.UnidentifiedImageError:
            raise ValueError(
                f"{name} is not a picture in a known format; save it as PNG or JPEG."
            ) from None
        except Image.DecompressionBombError:
            raise ValueError(
                f"{name} has too many pixels; give {_MOST_PIXELS:,} at most."
            ) from None
        except ValueError as error:
            raise ValueError(f"{name}: {in_one_line(str(error))}.") from None
        except Exception as error:  # decoders raise errors of any kind on damaged files
            raise ValueError(
                f"{name} is damaged: {in_one_line(str(error))}; save it again as PNG or JPEG."
            ) from None


def _as_bytes(picture: ArrayLike) -> Array:
    """Return an array's picture as bytes."""
    values = as_real_array(picture, "picture")
    if values.ndim not in (2, 3) or values.shape[2:] not in ((), (3,), (4,)) or not values.size:
        raise ValueError(
            f"picture has shape {values.shape}; expected (height, width), or with 3 or 4 channels: "
            "a row of MNIST is reshape(28, 28)."
        )
    if values.shape[0] * values.shape[1] > _MOST_PIXELS:
        raise ValueError(f"picture has shape {values.shape}; give {_MOST_PIXELS:,} pixels at most.")
    whole = values.dtype.kind in "iu"
    if not (values.min() >= 0 and values.max() <= (255 if whole else 1)):
        raise ValueError(
            f"picture has numbers from {values.min():g} to {values.max():g}; expected "
            f"{'integers from 0 to 255' if whole else 'numbers from 0 to 1'}."
        )
    scaled = values if whole else np.rint(np.multiply(values, 255, dtype=np.float64))
    return np.ascontiguousarray(scaled, np.uint8)


def _ink(grey: Array) -> Array:
    """Return the amount of ink of each pixel, 0 to 1, corrected for uneven light."""
    from PIL import Image, ImageFilter

    noise = 0.0
    if min(grey.shape) >= _PHOTOGRAPH:
        levels = Image.fromarray(np.rint(255 * grey).astype(np.uint8))
        grey = np.asarray(levels.filter(ImageFilter.MedianFilter(3)), np.float64) / 255
        noise = float(np.median(np.abs(np.diff(grey))))
    darker = _paper(grey) - grey
    ink = np.maximum(darker if (darker**3).sum() > 0 else -darker, 0)
    if ink.max() < max(_LEAST_CONTRAST, _LEAST_DIFFERENCES * noise):
        raise ValueError(
            "the picture is empty: nothing stands out from the paper; give one digit, dark on "
            "light or light on dark, with some paper around it."
        )
    full = float(ink[ink > ink.max() / 2].mean())
    ink = np.minimum(ink / full, 1)
    return np.where(ink < max(0.25, 3 * noise / full), 0, ink)


def _paper(grey: Array) -> Array:
    """Return the brightness of the paper at each pixel.

    For a photograph it is a quadratic function of the position, fitted to the picture's margins
    without outliers; for a small picture, the median of its corners.
    """
    y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in grey.shape), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    frame = np.ones(grey.shape, bool)
    down, right = (max(1, side // 8) for side in grey.shape)
    frame[down:-down, right:-right] = False
    places, levels = terms[frame], grey[frame]
    ends = np.r_[:down, -down:0], np.r_[:right, -right:0]
    level = float(np.median(grey[np.ix_(*ends)]))  # digits seldom reach the corners
    paper, rest = np.full(grey.shape, level), levels - level
    for _ in range(3 if min(grey.shape) >= _PHOTOGRAPH else 0):
        usual = np.abs(rest) <= 4.5 * np.median(np.abs(rest)) + 0.02  # three standard deviations
        if usual.sum() < 10 * places.shape[1]:
            break
        fitted = np.linalg.lstsq(places[usual], levels[usual], rcond=None)[0]
        paper, rest = terms @ fitted, levels - places @ fitted
    return paper


def _without_dirt(ink: Array) -> Array:
    """Return the ink without small separate pieces."""
    step = -(-max(ink.shape) // 64)
    padded = np.pad(ink, [(0, -side % step) for side in ink.shape])
    cells = padded.reshape(padded.shape[0] // step, step, padded.shape[1] // step, step)
    amounts = cells.sum(axis=(1, 3))
    piece = np.zeros(amounts.shape, int)
    totals = [0.0]
    for start in zip(*np.nonzero(amounts), strict=True):
        if piece[start]:
            continue
        totals.append(0.0)
        piece[start] = len(totals) - 1
        waiting = [start]
        while waiting:
            row, column = waiting.pop()
            totals[-1] += amounts[row, column]
            around = slice(max(row - 1, 0), row + 2), slice(max(column - 1, 0), column + 2)
            for i, j in zip(*np.nonzero((amounts[around] > 0) & (piece[around] == 0)), strict=True):
                at = around[0].start + i, around[1].start + j
                piece[at] = len(totals) - 1
                waiting.append(at)
    kept = np.array(totals) >= _DIRT * max(totals)
    kept[0] = False
    where = np.repeat(np.repeat(kept[piece], step, axis=0), step, axis=1)
    return ink * where[: ink.shape[0], : ink.shape[1]]


def _in_box(ink: Array) -> Array:
    """Return the digit cropped and scaled to MNIST's box, with thin strokes thickened."""
    fine = _scaled(_cropped(ink), _FINE * _BOX)
    stroke = _stroke_width(fine)
    if stroke < _FINE * _THIN_STROKE:
        from PIL import Image, ImageFilter

        more = max(1, round((_FINE * _THIN_STROKE * 1.2 - stroke) / 2))
        levels = Image.fromarray(np.rint(255 * np.pad(fine, more)).astype(np.uint8))
        fine = np.asarray(levels.filter(ImageFilter.MaxFilter(2 * more + 1)), np.float64) / 255
        fine = _cropped(fine)
    box = _scaled(fine, _BOX)
    box /= box.max()
    return box


def _cropped(ink: Array) -> Array:
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _scaled(ink: Array, longer: int) -> Array:
    """Return the ink scaled to this longer side, with the same aspect ratio."""
    from PIL import Image

    height, width = ink.shape
    factor = longer / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    image = Image.fromarray(ink.astype(np.float32))
    return np.array(image.resize(size, Image.Resampling.BILINEAR), np.float64)


def _stroke_width(ink: Array) -> float:
    """Return the mean width of strokes: twice their area divided by the length of their edges."""
    inside = np.pad(ink > 0.5, 1)
    area = int(inside.sum())
    edge = inside.copy()
    for axis in (0, 1):
        for shift in (1, -1):
            edge &= np.roll(inside, shift, axis)
    rim = area - int(edge.sum())
    return 2 * area / rim if rim else 0.0
