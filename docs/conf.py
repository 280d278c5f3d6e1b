"""Sphinx: ``sphinx-build -W --keep-going docs docs/_build`` makes the pages from what lies here.

The package must be built (its docstrings are the reference), and the ``docs`` extra installed. The
pictures and the gallery are drawn by the library while the pages are built.
"""

import sys
import warnings
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

import fastnet
from fastnet.initializers.named import ALIASES, TABLE

EXTENSIONS = Path(__file__).parent / "_ext"
sys.path.insert(0, str(EXTENSIONS))

project = "fastnet"
author = "The fastnet developers"
project_copyright = "the fastnet developers"
release = version = fastnet.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "picture",  # in _ext
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery"]
templates_path = ["_templates"]
root_doc = "index"
# Where no text says which, `name` is a name of the package; what is none is set as code.
default_role = "py:obj"

# ---- pages

myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]
myst_dmath_allow_labels = False
html_sidebars = {page: [] for page in ("index", "getting-started", "theory")}

# ---- reference

autosummary_generate = True
# Exactly what __all__ lists, of `fastnet` too, whose dir() does not show __all__.
autosummary_ignore_module_all = False
autosummary_imported_members = True
autosummary_context = {
    # A name that `fastnet` itself has is described there, and only listed in its module.
    "top": fastnet.__all__,
    # The page of initializers begins with a table of them.
    "initializers": TABLE,
    "aliases": ALIASES,
}
# `Network` is fastnet's where network2 has one too: the first that is found.
suppress_warnings = ["ref.python"]
autodoc_typehints = "none"  # numpydoc's Parameters say more
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False

# ---- pictures

sphinx_gallery_conf: dict[str, Any] = {
    "examples_dirs": "gallery",
    "gallery_dirs": "examples",
    "filename_pattern": r"/\w+\.py$",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "image_scrapers": ("matplotlib",),
    "matplotlib_animations": False,
    "min_reported_time": 60,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
}
# Figures that are drawn without pyplot are collected by hand; pyplot itself draws into nothing.
warnings.filterwarnings("ignore", message=".*non-interactive.*", category=UserWarning)

# ---- HTML

# The button copies commands and programs without prompts and output.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = f"fastnet {release}"
html_static_path = ["_static"]
html_favicon = "_static/favicon.svg"
html_search_scorer = str(EXTENSIONS / "scorer.js")
html_css_files = ["fastnet.css"]
html_copy_source = False
html_show_sourcelink = False
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system is
html_theme_options = {
    "logo": {"text": "fastnet"},
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "navigation_with_keys": False,
    "search_as_you_type": True,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
}


def skip_strangers(
    _app: Sphinx, _what: str, _name: str, member: object, _skip: bool, _options: object
) -> bool | None:
    """Leave out what scikit-learn's base classes bring, and "Alias for field number 0"."""
    strange = (getattr(member, "__module__", None) or "").startswith("sklearn.")
    field = (getattr(member, "__doc__", None) or "").startswith("Alias for field number")
    return True if strange or field else None


def setup(app: Sphinx) -> None:
    """Say which members are described."""
    app.connect("autodoc-skip-member", skip_strangers)
