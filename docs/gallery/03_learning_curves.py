"""
Learning curves
===============

How to see overfitting in a `History`. A thousand digits are few: the training cost keeps falling
long after the cost on digits that the network has not seen has stopped.
"""

# %%
import matplotlib.pyplot as plt

import fastnet
from fastnet import plotting
from fastnet.datasets import load_mnist

mnist = load_mnist()
few = mnist.train.X[:1000], mnist.train.y[:1000]
metrics = ["training_cost", "evaluation_cost", "training_accuracy", "evaluation_accuracy"]


def learn(**regularization):
    """Train on few digits, and return the history."""
    net = fastnet.Network([784, 30, 10], rng=0)
    return net.train(
        few,
        epochs=120,
        optimizer=fastnet.SGD(0.2),
        evaluation_data=(mnist.validation.X[:2000], mnist.validation.y[:2000]),
        metrics=metrics,
        **regularization,
    )


histories = {"plain": learn(), "dropout": learn(dropout=[0.3, 0.3])}
figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
plotting.learning_curves(ax, histories["plain"], metrics=["training_cost", "evaluation_cost"])
plt.show()

# %%
# Without regularization, the cost on unseen digits rises again: the network becomes more certain of
# its mistakes. With dropout, here of 30 % of the pixels and of the hidden units, it keeps falling.
figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
plotting.learning_curves(ax, histories, metrics="evaluation_cost")
ax.set_ylim(0.7, 1.1)
plt.show()

# %%
# A history is a list of dicts, one for each epoch.
for name, history in histories.items():
    right = history.column("evaluation_accuracy")
    print(f"{name:<10} best {max(right):.2%}, last {right[-1]:.2%}; first record:")
    for key, value in history[0].items():
        print(f"    {key:<20} {value:.4g}")
