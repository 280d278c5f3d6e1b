"""`Portable`: a network's ways in and out: model files, and the models of other libraries."""

from __future__ import annotations

import os

from fastnet import model_files
from fastnet.predictor import Predictor
from fastnet.preprocessing import Preprocessing

__all__ = ["Portable"]


class Portable(Predictor):
    """What leads a network out of Python or to another library; `Network` adds training."""

    preprocessing: Preprocessing | None = None

    # ---- files

    def save(self, filename: str | os.PathLike[str]) -> None:
        """Write the network to a file: the library's own form, safetensors, or the book's JSON.

        Parameters
        ----------
        filename : path
            Ends in ``.npz`` or ``.safetensors``: parameters, activations, cost, dtype, `history`
            and `preprocessing`, all exact. Any other name: the book's JSON, which holds sigmoid
            networks with the book's costs, and no history. Written beside and renamed, so that an
            old file is whole until the new one is.

        Raises
        ------
        OSError
            The file cannot be written.
        ValueError
            The form asked for cannot hold this network, or a parameter is not finite; a file that
            was there is as it was.
        ImportError
            ``.safetensors`` needs safetensors.

        Notes
        -----
        The generator and the optimizer's state are not kept: a loaded network predicts the same,
        and begins a new training when it is trained on.

        Examples
        --------
        >>> import tempfile, pathlib, fastnet
        >>> net = fastnet.Network([3, 2], "log_likelihood", rng=0)
        >>> net.preprocessing = fastnet.Preprocessing(labels=["cat", "dog"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.save(pathlib.Path(folder) / "net.npz")
        ...     again = fastnet.load(pathlib.Path(folder) / "net.npz")
        >>> bool((again.parameters == net.parameters).all()), again.preprocessing.labels
        (True, ('cat', 'dog'))
        """
        model_files.save(self, filename)
