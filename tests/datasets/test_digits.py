"""Pictures of digits: `read_digit`, and the network that is right on MNIST.

The pictures are MNIST's own test images, enlarged, moved, inverted, lit unevenly and made dirty
with Pillow and NumPy: whatever is done to one, the image that comes back must be near the original.
"""

import io

import numpy as np
import pytest

from fastnet.datasets import load_mnist, read_digit

Image = pytest.importorskip(
    "PIL.Image", reason="Pillow is missing: pip install 'fastnet-mlp[pillow]'"
)

#: Mean difference of a byte between an image of MNIST and itself enlarged and read again; two
#: different digits differ by 30 or more.
NEAR = 20


@pytest.fixture(scope="module")
def digits():
    """Return an image of each digit, as bytes."""
    raw = load_mnist(raw=True).test
    return [raw.X[np.flatnonzero(raw.y == k)[1]].reshape(28, 28) for k in range(10)]


def enlarged(digit, *, size=300, page=(700, 520), at=(330, 60)):
    """Return grey levels 0..1 of a page with a dark digit on it."""
    big = Image.fromarray(digit).resize((size, size), Image.Resampling.BICUBIC)
    ink = np.zeros(page)
    ink[at[0] : at[0] + size, at[1] : at[1] + size] = np.asarray(big) / 255
    return 1 - 0.9 * ink


def photographed(digit, rng):
    """Return a page in light that falls off to one side and to the corners, with noise."""
    page = enlarged(digit)
    y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in page.shape), indexing="ij")
    light = 0.7 - 0.2 * x - 0.1 * (x * x + y * y)
    return np.clip(page * light + rng.normal(0, 0.03, page.shape), 0, 1)


def assert_near(image, digit):
    difference = np.abs(image.astype(float) - digit.ravel()).mean()
    assert difference < NEAR, difference


def test_mnist_comes_back_nearly_as_it_was(digits):
    for digit in digits:
        for picture in (digit, 255 - digit, digit / 255, np.stack([digit] * 3, axis=2)):
            image = read_digit(picture, raw=True)
            assert image.shape == (784,) and image.dtype == np.uint8
            assert_near(image, digit)
            assert np.array_equal(read_digit(picture), image / 256)


def test_a_digit_is_in_a_box_of_20_and_its_mass_in_the_middle(digits):
    rng = np.random.default_rng(1)
    for digit in digits:
        for picture in (digit, photographed(digit, rng)):
            image = read_digit(picture).reshape(28, 28)
            places = np.nonzero(image)
            assert max(np.ptp(place) for place in places) == 19
            for place in places:
                middle = np.average(place, weights=image[places])
                assert abs(middle - 14) <= 0.5  # MNIST's centre: the mean over all of it is 14.0
            assert image.max() == 255 / 256


def test_light_polarity_place_and_size_do_not_matter(digits):
    rng = np.random.default_rng(2)
    for k, digit in enumerate(digits):
        light_on_dark = 1 - photographed(digit, rng)
        corner = enlarged(digit, size=130, page=(400, 900), at=(12 + 20 * k, 755))
        for page in (enlarged(digit), photographed(digit, rng), light_on_dark, corner):
            assert_near(read_digit(page, raw=True), digit)


def test_dirt_goes(digits):
    for digit in digits:
        page = enlarged(digit)
        page[40:48, 400:407] = page[650:656, 30:40] = 0.2
        assert_near(read_digit(page, raw=True), digit)


def test_the_aspect_is_kept():
    page = np.ones((300, 300))
    page[100:150, 50:250] = 0  # 200 wide, 50 high
    rows, columns = np.nonzero(read_digit(page).reshape(28, 28))
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (5, 20)


def test_thin_strokes_become_as_thick_as_those_of_mnist():
    page = np.ones((800, 800))
    page[100:700, 398:402] = 0  # 4 of 600 pixels: an eighth of a pixel of the image
    image = read_digit(page).reshape(28, 28)
    widths = (image > 0.5).sum(axis=1)
    assert widths.max() in (1, 2) and image.max() > 0.99


def test_large_photographs_and_files_of_every_format(digits, tmp_path):
    rng = np.random.default_rng(3)
    big = photographed(digits[5], rng).repeat(5, axis=0).repeat(5, axis=1)  # 9 million pixels
    photo = Image.fromarray((255 * big).astype(np.uint8)).convert("RGB")
    photo.save(tmp_path / "photo.jpg", quality=80)
    small = photo.reduce(5)
    for name in ("d.png", "d.gif", "d.bmp", "d.tif", "d.ppm", "d.webp"):
        small.save(tmp_path / name)
    for path in tmp_path.iterdir():
        assert_near(read_digit(path, raw=True), digits[5])
    sixteen = (65535 * enlarged(digits[5])).astype(np.uint16)
    Image.fromarray(sixteen).save(tmp_path / "deep.png")
    assert_near(read_digit(str(tmp_path / "deep.png"), raw=True), digits[5])


def test_a_photograph_is_turned_as_the_camera_was(digits, tmp_path):
    lying = Image.fromarray((255 * enlarged(digits[4])).astype(np.uint8)).rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it clockwise by 90 degrees
    lying.save(tmp_path / "d.jpg", exif=exif)
    assert_near(read_digit(tmp_path / "d.jpg", raw=True), digits[4])


@pytest.mark.parametrize("ink", [0, 255])
def test_transparent_paper_is_whatever_the_ink_is_not(digits, tmp_path, ink):
    opacity = np.rint(255 * (1 - enlarged(digits[2])) / 0.9).astype(np.uint8)
    levels = np.full_like(opacity, ink)
    picture = np.stack([levels, levels, levels, opacity], axis=2)
    Image.fromarray(picture).save(tmp_path / "d.png")
    for given in (tmp_path / "d.png", picture):
        assert_near(read_digit(given, raw=True), digits[2])


def test_opaque_pictures_with_an_opacity_are_read_as_without(digits):
    rgba = np.stack([digits[8]] * 3 + [np.full_like(digits[8], 255)], axis=2)
    assert np.array_equal(read_digit(rgba), read_digit(digits[8]))


def empty_pictures():
    rng = np.random.default_rng(4)
    y, x = np.mgrid[-1:1:300j, -1:1:300j]
    return {
        "white": np.ones((50, 50)),
        "black": np.zeros((300, 300), np.uint8),
        "one pixel": np.ones((1, 1)),
        "a row": np.zeros((1, 40)),
        "noise": np.clip(rng.normal(0.5, 0.05, (300, 300)), 0, 1),
        "uneven light": 0.6 - 0.2 * x - 0.1 * y * y,
        "transparent": np.zeros((30, 30, 4), np.uint8),
    }


@pytest.mark.parametrize("name", empty_pictures())
def test_an_empty_picture_is_refused(name):
    with pytest.raises(ValueError) as caught:
        read_digit(empty_pictures()[name])
    assert "the picture is empty" in str(caught.value)


@pytest.mark.parametrize(
    ("picture", "part"),
    [
        (np.zeros(784), "reshape(28, 28)"),
        (np.zeros((28, 28, 2)), "(28, 28, 2)"),
        (np.zeros((0, 5)), "(0, 5)"),
        (np.full((28, 28), 2.0), "numbers from 0 to 1"),
        (np.full((28, 28), -1), "integers from 0 to 255"),
        (np.full((28, 28), np.nan), "numbers from 0 to 1"),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(picture, part):
    with pytest.raises(ValueError) as caught:
        read_digit(picture)
    assert part in str(caught.value)


def test_what_is_no_number_is_refused():
    with pytest.raises(TypeError):
        read_digit(np.array([["a", "b"]]))
    with pytest.raises(TypeError):
        read_digit(np.zeros((28, 28), complex))


def test_files_that_are_no_pictures_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "d.png"
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (99, 99), np.uint8)
    Image.fromarray(noise).save(buffer, "PNG")
    for content, part in (
        (b"a,b\n1,2\n", "is not a picture"),
        (b"", "is not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not a picture"),
        (buffer.getvalue()[:900], "is damaged"),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError) as caught:
            read_digit(path)
        assert part in str(caught.value) and "d.png" in str(caught.value)
    with pytest.raises(FileNotFoundError):
        read_digit(tmp_path / "missing.png")
    path.write_bytes(buffer.getvalue())
    monkeypatch.setattr("fastnet.datasets.digits._MOST_PIXELS", 99 * 98)
    for given in (path, noise):
        with pytest.raises(ValueError) as caught:
            read_digit(given)
        assert "9,702" in str(caught.value)


def test_a_huge_picture_in_a_small_file_is_refused_before_it_is_decoded(tmp_path):
    header = b"P5 100000 100000 255\n"
    (tmp_path / "bomb.pgm").write_bytes(header + bytes(1000))
    with pytest.raises(ValueError) as caught:
        read_digit(tmp_path / "bomb.pgm")
    assert "pixels" in str(caught.value)
