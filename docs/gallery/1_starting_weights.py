"""
Starting weights and saturation
===============================

The same network from three starts, and what its hidden units do while it learns. Drawn from N(0, 1)
most of them begin far out on the sigmoid, where its slope is nearly nothing; divided by the root of
the number of inputs none does.
"""

# %%
# More than half of the old start's hidden units are saturated before anything has been learnt.
# `RecordStatistics` looks at given examples before training, after each epoch, and here also every
# 500 mini-batches.
import matplotlib.pyplot as plt

import fastnet
from fastnet import plotting
from fastnet.datasets import load_mnist

mnist = load_mnist()
X, y = mnist.train.X[:10_000], mnist.train.y[:10_000]
seen = mnist.validation.X[:500]

watches, histories = {}, {}
for start in ("large", "default", "glorot_normal"):
    net = fastnet.Network([784, 30, 10], rng=0, initializer=start)
    watches[start] = fastnet.RecordStatistics(seen, interval=500)
    histories[start] = net.train(
        (X, y),
        epochs=5,
        optimizer=fastnet.SGD(0.1),
        l2=1.0,
        evaluation_data=mnist.validation,
        callbacks=watches[start],
    )

figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
plotting.saturation_over_time(ax, watches)
plt.show()

# %%
# What that costs:
figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
plotting.learning_curves(ax, histories, metrics="evaluation_accuracy")
plt.show()

# %%
# The experiment behind it is a single neuron with 1000 inputs, 500 of them 1. Its weighted input is
# Gaussian, and the library draws both densities over histograms of real starting weights.
from fastnet import diagnostics

drawn = [diagnostics.weighted_input(initializer=start, rng=0) for start in ("large", "default")]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for ax, z in zip(axes, drawn, strict=True):
    plotting.weighted_input_histogram(ax, z)
plt.show()
