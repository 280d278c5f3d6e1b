"""
Starting weights and saturation
===============================

One network, trained from three initializers. With weights from N(0, 1) most hidden units begin
saturated: far out on the sigmoid, where its slope is almost zero. With weights divided by the
square root of the number of inputs, none of them does.
"""

# %%
# `RecordStatistics` measures saturation on given examples, before training and after each epoch.
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
    watches[start] = fastnet.RecordStatistics(seen)
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
# sphinx_gallery_thumbnail_number = 3
plt.show()

# %%
# Saturated units learn slowly. The accuracy on the validation digits:
figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
plotting.learning_curves(ax, histories, metrics="evaluation_accuracy")
plt.show()

# %%
# The book explains it with a single neuron with 1000 inputs, 500 of them 1, the others 0. Its
# weighted input is Gaussian: the curves are the theory, the histograms come from drawn weights.
from fastnet import diagnostics

drawn = [diagnostics.weighted_input(initializer=start, rng=0) for start in ("large", "default")]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for ax, z in zip(axes, drawn, strict=True):
    plotting.weighted_input_histogram(ax, z)
plt.show()
