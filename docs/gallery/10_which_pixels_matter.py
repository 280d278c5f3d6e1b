"""
Which pixels matter
===================

`input_gradient` returns the derivative of the cost by every pixel: whether the network becomes more
or less certain of the right class if that pixel gets brighter. Drawn as an image, it is a saliency
map (Simonyan, Vedaldi and Zisserman 2014).
"""

# %%
# A network with one hidden layer, trained on a part of the embedded MNIST.
import matplotlib.pyplot as plt
import numpy as np

import fastnet
from fastnet.datasets import load_mnist

mnist = load_mnist()
net = fastnet.Network([784, 100, 10], "log_likelihood", activation="relu", rng=0)
net.train(
    (mnist.train.X[:20_000], mnist.train.y[:20_000]), 5, optimizer=fastnet.Adam(0.001), l2=1.0
)
X, y = mnist.test.X, mnist.test.y
print(f"accuracy: {net.accuracy((X, y)) / len(y):.1%}")

# %%
# Red: a brighter pixel raises the cost. Blue: it lowers the cost. Much of a map lies on pixels
# without ink: the missing strokes tell a 3 from an 8.
shown = [int(np.flatnonzero(y == digit)[0]) for digit in range(8)]
gradients = net.input_gradient(X[shown], y[shown])

figure, axes = plt.subplots(2, len(shown), figsize=(9, 2.6), layout="constrained")
for column, (image, gradient) in enumerate(zip(X[shown], gradients, strict=True)):
    most = np.abs(gradient).max()
    axes[0, column].imshow(image.reshape(28, 28), cmap="gray_r")
    axes[1, column].imshow(gradient.reshape(28, 28), cmap="RdBu_r", vmin=-most, vmax=most)
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
plt.show()

# %%
# A check: change 20 pixels of each test digit by 0.25, in the direction that raises the cost, those
# with the largest derivatives; or 20 random pixels in random directions.
gradients = net.input_gradient(X, y)
rng = np.random.default_rng(0)
largest = np.argpartition(np.abs(gradients), -20, axis=1)[:, -20:]
chosen = {
    "20 most salient pixels": (largest, np.sign(np.take_along_axis(gradients, largest, axis=1))),
    "20 random pixels": (
        rng.permuted(np.tile(np.arange(784), (len(X), 1)), axis=1)[:, :20],
        rng.choice([-1.0, 1.0], (len(X), 20)),
    ),
}
for name, (pixels, signs) in chosen.items():
    changed = X.copy()
    values = np.take_along_axis(X, pixels, axis=1) + 0.25 * signs
    np.put_along_axis(changed, pixels, np.clip(values, 0, 1), axis=1)
    print(f"{name}: accuracy {net.accuracy((changed, y)) / len(y):.1%}")

# %%
# `jacobian` returns such a map for every output. For a 4, these are the derivatives of the
# probabilities of 4 and of 9; red raises them. A bar that closes the top would make it a 9.
four = X[np.flatnonzero(y == 4)[0]]
maps = net.jacobian(four)[[4, 9]].reshape(2, 28, 28)

figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), layout="constrained")
axes[0].imshow(four.reshape(28, 28), cmap="gray_r")
axes[0].set_title("a 4")
for ax, digit, each in zip(axes[1:], (4, 9), maps, strict=True):
    most = np.abs(each).max()
    ax.imshow(each.reshape(28, 28), cmap="RdBu_r", vmin=-most, vmax=most)
    ax.set_title(f"probability of {digit}")
for ax in axes:
    ax.set(xticks=[], yticks=[])
plt.show()
