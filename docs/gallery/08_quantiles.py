"""
Intervals from quantile regression
==================================

One network learns three quantiles of the target: a median, and an interval that contains 90 % of
the data. New data show whether it does.
"""

# %%
# The noise grows with x and is skewed upwards. Quantile regression assumes nothing about it.
import warnings

import matplotlib.pyplot as plt
import numpy as np

from fastnet.estimators import MLPRegressor
from fastnet.schedules import Cosine


def draw(n, seed):
    """Return x between 0 and 6, and targets with skewed noise."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 6, n)
    return x[:, np.newaxis], np.sin(2 * x) + x * (rng.gamma(2.0, 0.15, n) - 0.3)


X, y = draw(3000, seed=0)
quantiles = [0.05, 0.5, 0.95]
network = MLPRegressor(
    "quantile", (32, 32), activation="tanh", quantile=quantiles, learning_rate_init=0.01,
    learning_rate=Cosine(60), max_iter=60, n_iter_no_change=60, tol=0.0, batch_size=50, alpha=1e-5,
    random_state=0,
)  # fmt: skip

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # all 60 epochs are wanted
    network.fit(X, y)

grid = np.linspace(0, 6, 300)[:, np.newaxis]
low, median, high = network.predict(grid).T
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.plot(X[::3, 0], y[::3], ".", ms=2, color="0.6", label="training data")
ax.fill_between(grid[:, 0], low, high, alpha=0.3, label="5 % to 95 %")
ax.plot(grid[:, 0], median, label="median")
ax.set(xlabel="x", ylabel="y")
ax.legend(frameon=False)
plt.show()

# %%
# Coverage on data that the network has not seen, as a whole and in each third of x:
X_new, y_new = draw(10_000, seed=1)
below = y_new[:, np.newaxis] < network.predict(X_new)
for name, chosen in (
    ("all", X_new[:, 0] >= 0),
    ("x below 2", X_new[:, 0] < 2),
    ("x from 2 to 4", (X_new[:, 0] >= 2) & (X_new[:, 0] < 4)),
    ("x from 4", X_new[:, 0] >= 4),
):
    shares = "  ".join(f"{share:6.1%}" for share in below[chosen].mean(axis=0))
    print(f"{name:<14} below each quantile: {shares}")
assert np.abs(below.mean(axis=0) - quantiles).max() < 0.02

# %%
# The Gaussian loss learns a mean and a variance instead. With skewed noise, its interval is too low
# at both ends.
gaussian = MLPRegressor(**{**network.get_params(), "loss": "gaussian"})
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    gaussian.fit(X, y)
mean, std = gaussian.predict(X_new, return_std=True)
for share, z in ((0.05, -1.645), (0.5, 0.0), (0.95, 1.645)):
    found = np.mean(y_new < mean + z * std)
    print(f"{share:4.0%} by a Gaussian: {found:6.1%} of new data lie below")
