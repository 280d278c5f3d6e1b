"""`Portable`: a network's ways in and out: model files, and the models of other libraries."""

from __future__ import annotations

import os
from typing import Any, Self

from fastnet.files import networks
from fastnet.model.prediction import Predictor
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
            networks with the book's costs, no history, and of `preprocessing` the names, and one
            scale for all inputs. Written beside and renamed, so that an old file is whole until the
            new one is.

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
        networks.save(self, filename)

    # ---- the models of other libraries

    def to_onnx(self, path: str | os.PathLike[str], *, preprocessing: bool = True) -> None:
        """Write the network as an ONNX model, for any runtime that reads the format.

        Its input, "inputs", and its output, "outputs", are of the network's dtype and of shapes
        (batch, n_0) and (batch, n_L), the batch being free. Names of labels and columns stand in
        the model's metadata, as JSON.

        Parameters
        ----------
        path : path
            Written beside and renamed, as by `save`.
        preprocessing : bool, keyword only, default True
            Whether the model standardizes its inputs and gives predicted numbers in the units of
            the target, where `preprocessing` says so: then it takes data as they came, and its
            answer is ``p.outputs(net.feedforward(p.inputs(X)))``. Otherwise it answers as
            `feedforward` does.

        Raises
        ------
        ValueError
            An activation has no operator in ONNX, a parameter is not finite, or the preprocessing
            is not one for this network; nothing is written.
        TypeError
            `preprocessing` of this network is a function, say, instead of a `Preprocessing`.
        ImportError
            onnx is missing.

        Notes
        -----
        Operator set 17. The model passes the full check of ``onnx.checker``.

        Examples
        --------
        >>> import pathlib, tempfile, onnx, fastnet
        >>> net = fastnet.Network([3, 2], rng=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.to_onnx(pathlib.Path(folder) / "net.onnx")
        ...     model = onnx.load(pathlib.Path(folder) / "net.onnx")
        >>> [node.op_type for node in model.graph.node]
        ['Gemm', 'Sigmoid', 'Identity']
        """
        from fastnet.interchange.onnx import to_onnx

        to_onnx(self, path, preprocessing=preprocessing)

    def to_torch(self) -> Any:
        """Return a copy as PyTorch's ``nn.Sequential``: a Linear and an activation a layer.

        Returns
        -------
        torch.nn.Sequential
            Of the network's dtype, on the CPU. It answers as `feedforward` does: if `preprocessing`
            scales, that is not part of it, and a warning says so. What that has of `labels`,
            `columns` and `target` are attributes of the module, which `from_torch` reads.

        Raises
        ------
        ImportError
            torch is missing.

        Examples
        --------
        >>> import fastnet
        >>> fastnet.Network([3, 5, 2], activation="relu").to_torch()  # doctest: +SKIP
        Sequential(
          (0): Linear(in_features=3, out_features=5, bias=True)
          (1): ReLU()
          (2): Linear(in_features=5, out_features=2, bias=True)
          (3): Sigmoid()
        )
        """
        from fastnet.interchange.torch import to_torch

        return to_torch(self)

    @classmethod
    def from_torch(cls, module: Any, *, cost: Any = None, output: str | None = None) -> Self:
        """Return the network that a PyTorch module is: its parameters, copied, in its dtype.

        Parameters
        ----------
        module : torch.nn.Module
            A Linear, or a Sequential (of Sequentials) of Linear, Sigmoid, Tanh, ReLU,
            LeakyReLU(0.01), Identity and, at the end, Softmax. Dropout, and a Flatten in front,
            are passed over: this is the module in evaluation.
        cost : class or str, keyword only, optional
            To train on with: by default what goes with the output, or the quadratic cost.
        output : str, keyword only, optional
            The output's activation, for a module that ends in a Linear: "softmax" for one that was
            trained by ``CrossEntropyLoss``, "sigmoid" for ``BCEWithLogitsLoss``. By default
            "identity", which answers as the module does.

        Raises
        ------
        TypeError
            It is no module.
        ValueError
            It is no plain multilayer perceptron, the message naming what is in the way; or it
            holds another dtype than float32 or float64, or a number that is not finite.
        ImportError
            torch is missing.

        Examples
        --------
        >>> import torch, fastnet  # doctest: +SKIP
        >>> module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh())  # doctest: +SKIP
        >>> fastnet.Network.from_torch(module).activations  # doctest: +SKIP
        ['tanh']
        """
        from fastnet.interchange.torch import from_torch

        return from_torch(cls, module, cost=cost, output=output)

    def to_sklearn(self, *, multilabel: bool | None = None) -> Any:
        """Return a copy as scikit-learn's MLPClassifier or MLPRegressor, fitted.

        Parameters
        ----------
        multilabel : bool, keyword only, optional
            Whether each of several sigmoid outputs is a label of its own. If not, the largest
            output is the class. By default as `kind` says.

        Returns
        -------
        MLPClassifier or MLPRegressor
            A regressor where the output is the identity. ``predict_proba`` and the regressor's
            ``predict`` give what `feedforward` gives, columns in the order of ``classes_``: the
            names in ``preprocessing.labels``, sorted, or else class numbers. Of a softmax of two
            units one logistic unit is made. Its ``partial_fit`` goes on from here. If
            `preprocessing` scales, a warning says that the estimator does not.

        Raises
        ------
        ValueError
            The network has hidden layers with different activations, or activations that
            scikit-learn does not have.
        ImportError
            scikit-learn is missing.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([3, 5, 2], "log_likelihood", activation="tanh", rng=0)
        >>> estimator = net.to_sklearn()
        >>> estimator.predict_proba(np.zeros((4, 3))).shape
        (4, 2)
        """
        from fastnet.interchange.sklearn import to_sklearn

        return to_sklearn(self, multilabel=multilabel)

    @classmethod
    def from_sklearn(cls, estimator: Any, *, cost: Any = None) -> Self:
        """Return the network that a fitted estimator of scikit-learn holds, in its dtype.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
            Fitted. Of two classes one sigmoid unit tells, of several a softmax; where labels are
            not exclusive there is a sigmoid unit each.
        cost : class or str, keyword only, optional
            To train on with: by default what goes with the output, or the quadratic cost.

        Returns
        -------
        Network
            `feedforward` gives what ``predict_proba`` (of two classes: its second column) or the
            regressor's ``predict`` gives. Classes, in their type, and names of features stand in
            `preprocessing`.

        Raises
        ------
        TypeError
            It is no such estimator.
        ValueError
            It is not fitted, or has an activation that has no twin here.
        ImportError
            scikit-learn is missing.

        Examples
        --------
        >>> import fastnet
        >>> from sklearn.neural_network import MLPRegressor
        >>> fitted = MLPRegressor(hidden_layer_sizes=[3], solver="lbfgs")
        >>> _ = fitted.fit([[0.0], [1.0]], [1, 0])
        >>> fastnet.Network.from_sklearn(fitted).sizes
        [1, 3, 1]
        """
        from fastnet.interchange.sklearn import from_sklearn

        return from_sklearn(cls, estimator, cost=cost)
