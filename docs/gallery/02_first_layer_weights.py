"""
Weights of the first layer
==========================

After training, each hidden unit's weights can be drawn as an image. From N(0, 1), the book's old
start, they still look like the noise they started from. Divided by the square root of the number of
inputs, they show strokes.
"""

# %%
# Both networks see the same digits in the same order, with the book's settings, for five epochs.
import matplotlib.pyplot as plt

import fastnet
from fastnet import plotting
from fastnet.datasets import load_mnist

mnist = load_mnist()
figure, axes = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
for ax, name in zip(axes, ("large", "default"), strict=True):
    net = fastnet.Network([784, 30, 10], initializer=name, rng=0)
    net.train(mnist.train, epochs=5, mini_batch_size=10, optimizer=fastnet.SGD(0.1), l2=5.0)
    plotting.first_layer_weights(ax, net, neurons=16, columns=4)
    ax.set(title=f"{name}: {net.score(*mnist.validation):.1%} accuracy", xlabel="hidden unit")
plt.show()

# %%
# The colour bars differ. Learning moves the large weights too, but less than the noise they started
# from, and the gradients of a saturated unit are small.
