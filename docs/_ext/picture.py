"""``{picture} name``: runs its Python code, and shows the Matplotlib `figure` that it leaves.

matplotlib's own plot directive finds only figures that pyplot knows, and those of the library are
none. Each block stands alone, with the page's other blocks unknown to it.
"""

from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

#: Below the folder of the sources, and ignored by git.
DRAWN = Path("_drawn")


class Picture(SphinxDirective):
    """Draw while the page is read."""

    required_arguments = 1  # the file's name, without .png
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Return the image."""
        name, alt = self.arguments[0], self.options["alt"]
        namespace: dict[str, Any] = {}
        try:
            exec(compile("\n".join(self.content), f"picture {name}", "exec"), namespace)
            folder = Path(self.env.srcdir) / DRAWN
            folder.mkdir(exist_ok=True)
            namespace["figure"].savefig(folder / f"{name}.png", dpi=144)
        except Exception as error:
            raise ExtensionError(f"the picture {name} of {self.env.docname}: {error!r}") from error
        image = nodes.image(uri=f"/{DRAWN}/{name}.png", alt=alt)
        self.set_source_info(image)
        return [image]


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directive known."""
    app.add_directive("picture", Picture)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
