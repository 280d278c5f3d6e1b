"""An interactive page: one neuron, the layers of a deep network, and training on MNIST.

``fastnet lab`` opens it in the browser, `show` in a notebook. Both need the extra ``lab``.
"""

from fastnet.lab.server import show

__all__ = ["show"]
