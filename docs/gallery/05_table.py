"""
A table of measurements
=======================

Three classes with names, and columns in very different units: standardize, train, draw a confusion
matrix, and save a model that contains the names and the scale. The guide :doc:`/own-data` starts
from a CSV file.
"""

# %%
# The table is made up: density, hardness and electrical conductivity of three kinds of rock.
import matplotlib.pyplot as plt
import numpy as np

import fastnet
from fastnet import plotting
from fastnet.preprocessing import standardization

rng = np.random.default_rng(1)
names = ["granite", "basalt", "schist"]
middle = np.array([[2650.0, 6.5, 1e-4], [2950.0, 6.0, 5e-4], [2750.0, 4.5, 3e-4]])
spread = np.array([90.0, 0.6, 1.5e-4])
kind = rng.integers(3, size=600)
table = middle[kind] + spread * rng.normal(size=(600, 3))
known, new = slice(0, 450), slice(450, 600)

# %%
# Such columns need a common scale. The mean and the scale come from the training rows only, and
# `Preprocessing` keeps them, together with the names.
mean, scale = standardization(table[known])
prepared = fastnet.Preprocessing(
    mean, scale, labels=names, columns=["density", "hardness", "conductivity"], target="rock"
)
X = prepared.inputs(table)

net = fastnet.Network([3, 12, 3], "log_likelihood", activation="tanh", rng=0)
net.preprocessing = prepared
history = net.train(
    (X[known], kind[known]),
    epochs=40,
    optimizer=fastnet.Adam(0.01),
    evaluation_data=(X[new], kind[new]),
    metrics=["training_cost", "evaluation_cost", "evaluation_accuracy"],
)
print(f"accuracy on 150 new rows: {net.score(table[new], kind[new]):.1%}")

figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
plotting.learning_curves(axes[0], history, metrics=["training_cost", "evaluation_cost"])
plotting.confusion_matrix(axes[1], net, (X[new], kind[new]))
plt.show()

# %%
# The file contains the network, its history and the preprocessing, so that `predict`,
# `predict_proba` and `score` of the loaded network take rows in their own units.
import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as folder:
    net.save(Path(folder) / "rock.npz")
    again = fastnet.load(Path(folder) / "rock.npz")
sample = np.array([[2700.0, 4.4, 3.1e-4]])
print(f"it is {again.predict(sample)[0]}")
probabilities = again.predict_proba(sample)[0]
for name, probability in zip(again.preprocessing.labels, probabilities, strict=True):
    print(f"{name:<8} {probability:.3f}")
