"""The page in a real browser: headless Chromium, driven by Playwright.

`fastnet lab` runs in a process of its own, as for a user; the browser is as wide as a desktop's and
as a phone's. FASTNET_SCREENSHOTS names a folder for a screenshot of each panel.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("bokeh", reason="Bokeh is missing: pip install 'fastnet-mlp[lab]'")
playwright = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is missing: pip install playwright"
)
NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
if BROWSER is None:
    pytest.skip("Chromium is missing: apt-get install chromium", allow_module_level=True)

pytestmark = pytest.mark.slow
#: A training's start has to read MNIST; a busy machine takes long for anything.
PATIENCE = 60_000


@pytest.fixture(scope="module")
def lab():
    """Return the address of a running `fastnet lab`, which Ctrl-C must close."""
    command = [sys.executable, "-P", "-u", "-m", "fastnet", "lab", "--no-browser"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield re.match(r"(http://127\.0\.0\.1:\d+/)", process.stdout.readline())[1]
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
            assert (process.returncode, said) == (0, "closed\n")
        finally:
            process.kill()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


class Tab:
    """A tab of the browser that records its errors."""

    def __init__(self, browser, url, width):
        self.wrong, self.width = [], width
        self.page = browser.new_page(viewport={"width": width, "height": 850})
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("requestfailed", lambda request: self.wrong.append(request.url))
        self.page.on("request", self._note_stranger)
        self.url = url
        self.page.goto(url)
        self.see("of the draws are saturated")

    def _note(self, message):
        if message.type in ("error", "warning"):
            self.wrong.append(message.text)

    def _note_stranger(self, request):
        """Refuse requests to other hosts: the page works offline."""
        if not re.match(r"(http|ws)://127\.0\.0\.1:|data:|blob:", request.url):
            self.wrong.append(f"asks for {request.url}")

    def see(self, text):
        self.page.get_by_text(text).first.wait_for()

    def text_of(self, pattern):
        """Return the first text on the page that matches."""
        return self.page.get_by_text(re.compile(pattern)).first.inner_text()

    def wait_for_change(self, pattern, before):
        for _ in range(PATIENCE // 100):
            if self.text_of(pattern) != before:
                return self.text_of(pattern)
            self.page.wait_for_timeout(100)
        raise AssertionError(f"{before!r} did not change")

    def go_to(self, title):
        self.page.get_by_text(title, exact=True).click()

    def button(self, name):
        return self.page.get_by_role("button", name=name).locator("visible=true")

    def slide(self, number, presses, key="ArrowRight"):
        """Move the slider of this number, among the visible ones."""
        handle = self.page.locator(".noUi-handle >> visible=true").nth(number)
        for _ in range(presses):
            handle.press(key)

    def choose(self, number, value):
        self.page.locator("select >> visible=true").nth(number).select_option(value)

    def picture(self, name):
        folder = os.environ.get("FASTNET_SCREENSHOTS")
        if folder:
            path = Path(folder) / f"{name}-{self.width}.png"
            self.page.set_viewport_size({"width": self.width, "height": self.side("Height")})
            self.page.wait_for_timeout(1000)
            self.page.screenshot(path=path)

    def fits(self):
        """Whether nothing is wider than the screen."""
        return self.side("Width") <= self.width

    def side(self, name):
        """Return the scrollable height or width of the page."""
        return self.page.evaluate(f"document.documentElement.scroll{name}")

    def draw(self, *strokes):
        """Draw on the canvas with the mouse; x and y are shares of its side, from the top left."""
        square = self.page.locator(".drawing")
        square.scroll_into_view_if_needed()
        box = square.bounding_box()
        left, top = box["x"] + 3, box["y"] + box["height"] - 243
        for stroke in strokes:
            for k, (x, y) in enumerate(stroke):
                self.page.mouse.move(left + 240 * x, top + 240 * y, steps=8)
                if k == 0:
                    self.page.mouse.down()
            self.page.mouse.up()

    def close(self):
        self.page.close()
        assert self.wrong == []


@pytest.fixture(params=[1280, 390])
def tab(lab, browser, request):
    opened = Tab(browser, lab, request.param)
    yield opened
    opened.close()


def lines_printed(tab):
    """Return what the panel's Python code prints, run as a program."""
    tab.button("Show the Python code").click()
    tab.see("import")
    text = tab.page.locator("pre >> visible=true").inner_text()
    done = subprocess.run(
        [sys.executable, "-P", "-c", text], capture_output=True, text=True, check=True, timeout=300
    )
    return done.stdout


def test_one_neuron(tab):
    shown = r"^[\d.]+ %$"
    before = tab.text_of(shown)
    assert before == "83.3 %"  # the book's neuron: 83.7 % in theory
    tab.slide(1, 10)  # all inputs are 1
    tab.see("theory: 88.5 %")
    after = tab.text_of(shown)
    tab.choose(0, "default")
    tab.see("Standard deviation of z: 1.")
    tab.slide(0, 3, "ArrowLeft")
    tab.wait_for_change(shown, after)
    tab.page.wait_for_timeout(2000)
    tab.picture("neuron")
    assert tab.fits()
    share = float(tab.text_of(shown).split()[0])
    printed = float(lines_printed(tab).split()[0])
    assert abs(100 * printed - share) < 0.01


def test_many_layers(tab):
    tab.go_to("Many layers")
    tab.see("Units per layer")
    tab.choose(1, "he_normal")
    tab.slide(0, 5)
    tab.page.wait_for_timeout(1000)
    assert tab.side("Height") < 1200  # no room is kept for the learning, which is longer
    tab.picture("layers")
    assert tab.fits()
    printed = lines_printed(tab)
    assert len(re.findall(r"\d\.\d+", printed)) == 50  # both directions of 25 layers
    tab.choose(1, "zeros")
    tab.see("which a logarithmic scale cannot show")
    tab.choose(1, "orthogonal")
    tab.page.get_by_text("scale cannot show").wait_for(state="hidden")


def test_learning(tab):
    tab.go_to("Learning")
    tab.draw([(0.35, 0.3), (0.7, 0.28), (0.5, 0.8)])
    tab.see("Start a training to see answers")
    tab.slide(2, 1, "End")  # 30 epochs, which no test waits for
    tab.button("Start").click()
    tab.see("epochs")
    progress = r"large: [\d.]+ % after"
    before = tab.text_of(progress)
    tab.wait_for_change(progress, before)
    tab.button("Pause").click()
    tab.see("Continue")
    tab.page.wait_for_timeout(1000)
    before = tab.text_of(progress)
    tab.page.wait_for_timeout(1500)
    assert tab.text_of(progress) == before
    tab.button("Continue").click()
    tab.wait_for_change(progress, before)
    tab.choose(2, "he_normal")
    tab.slide(2, 1, "Home")
    tab.slide(2, 1)
    tab.button("Restart").click()
    tab.page.get_by_text(re.compile("(after 2.0 epochs.*){3}", re.DOTALL)).wait_for()
    tab.page.wait_for_timeout(500)
    answers = tab.page.get_by_text(re.compile(r"output [01]")).first.inner_text()
    assert re.findall(r"(\w+): (\d)", answers) == [
        ("large", "7"), ("default", "7"), ("he_normal", "7")
    ]  # fmt: skip
    tab.picture("learning")
    assert tab.fits()
    tab.button("Clear the drawing").click()
    tab.page.get_by_text(re.compile(r"output [01]")).first.wait_for(state="hidden")
    tab.choose(1, "large")
    tab.button("Restart").click()
    tab.see("An initializer is chosen twice")


def test_the_code_of_a_training_prints_the_accuracies_on_the_page(lab, browser):
    tab = Tab(browser, lab, 1280)
    tab.go_to("Learning")
    tab.slide(2, 4, "ArrowLeft")
    tab.button("Start").click()
    tab.page.get_by_text(re.compile("1.0 epochs.*1.0 epochs", re.DOTALL)).wait_for()
    shown = tab.text_of("after 1.0 epochs")
    accuracies = re.findall(r"([\d.]+) % after", shown)
    printed = re.findall(r"\w+ \[([\d.]+)\]", lines_printed(tab))
    assert [f"{100 * float(share):.2f}" for share in printed] == accuracies
    tab.close()


def test_two_tabs_at_once(lab, browser):
    tabs = [Tab(browser, lab, 1280), Tab(browser, lab, 390)]
    for tab in tabs:
        tab.go_to("Learning")
        tab.slide(2, 1, "End")
        tab.button("Start").click()
    progress = r"large: [\d.]+ % after"
    before = [tab.text_of(progress) for tab in tabs]
    for tab, text in zip(tabs, before, strict=True):
        tab.wait_for_change(progress, text)
    tabs[0].close()
    tabs[1].wait_for_change(progress, tabs[1].text_of(progress))
    tabs[1].close()
