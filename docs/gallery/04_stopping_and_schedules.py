"""
Early stopping and learning-rate schedules
==========================================

A schedule changes the learning rate during training: the book's halves it when the accuracy has not
improved for some epochs; another one follows a cosine. Early stopping ends a training in time, and
keeps the best parameters.
"""

# %%
import matplotlib.pyplot as plt

import fastnet
from fastnet.datasets import load_mnist
from fastnet.schedules import Cosine, HalveOnPlateau

mnist = load_mnist()
training = mnist.train.X[:5000], mnist.train.y[:5000]
validation = mnist.validation.X[:2000], mnist.validation.y[:2000]


def learn(eta, **options):
    """Train with a schedule or a callback, and return the network and its history."""
    net = fastnet.Network([784, 30, 10], rng=0)
    history = net.train(
        training, epochs=40, optimizer=fastnet.SGD(eta), evaluation_data=validation, **options
    )
    return net, history


runs = {
    "constant": learn(1.0)[1],
    "halve on plateau": learn(1.0, schedule=HalveOnPlateau(patience=3))[1],
    "cosine": learn(1.0, schedule=Cosine(epochs=40))[1],
}
figure, (above, below) = plt.subplots(2, 1, figsize=(7, 5.5), sharex=True, layout="constrained")
styles = {"constant": "--", "halve on plateau": "-", "cosine": "-."}
for name, history in runs.items():
    epochs = range(1, len(history) + 1)
    right = [100 * share for share in history.column("evaluation_accuracy")]
    above.plot(epochs, right, ls=styles[name], label=name)
    below.plot(epochs, history.column("eta"), ls=styles[name], label=name)
above.set(ylabel="validation accuracy (%)", ylim=(88, None))
above.legend(frameon=False)
below.set(xlabel="epoch", ylabel="learning rate η")
plt.show()

# %%
# `EarlyStopping` ends the training when a metric has not improved for `patience` epochs, and
# restores the parameters of the best epoch.
stop = fastnet.EarlyStopping(patience=5, monitor="evaluation_cost")
net, history = learn(0.5, callbacks=stop)
print(f"ended after {len(history)} epochs; the best was epoch {stop.best_epoch + 1}")
print(f"kept: {net.total_cost(validation, lmbda=0.0):.4f}, the lowest cost: {stop.best:.4f}")
