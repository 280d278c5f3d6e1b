"""
Uncertainty from an ensemble
============================

Thirty small networks learn the same curve, each from its own weights and its own sample of the
rows. Near the data they agree; in the gap they differ. Their spread measures the uncertainty.
"""

# %%
# An `Ensemble` trains them in one call; `bootstrap=True` draws each network's rows with replacement
# (bagging, Breiman 1996).
import matplotlib.pyplot as plt
import numpy as np

import fastnet
from fastnet.initializers import default
from fastnet.schedules import Cosine

rng = np.random.default_rng(0)
x = np.concatenate([rng.uniform(-3, -0.5, 60), rng.uniform(1.5, 3, 40)])
y = np.sin(2 * x) + rng.normal(0, 0.15, 100)

ensemble = fastnet.Ensemble(
    [1, 50, 1], 30, "quadratic", activation="tanh", initializer=default(gain=2.0),
    bias_initializer="normal", output="identity", rng=0,
)  # fmt: skip
ensemble.train(
    (x[:, np.newaxis], y), 300, 10, optimizer=fastnet.Adam(0.01), schedule=Cosine(300),
    bootstrap=True,
)  # fmt: skip

grid = np.linspace(-4, 4, 300)
outputs = ensemble.feedforward(grid[:, np.newaxis])[:, :, 0]
mean, std = outputs.mean(axis=0), outputs.std(axis=0)
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.fill_between(grid, mean - 2 * std, mean + 2 * std, alpha=0.3, label="± 2 standard deviations")
ax.plot(grid, outputs[:10].T, color="0.6", lw=0.7)
ax.plot(grid, mean, lw=2, label="mean of 30 networks")
ax.plot(grid, np.sin(2 * grid), "k--", lw=1, label="true curve")
ax.plot(x, y, "k.", ms=5, label="training data")
ax.set(xlabel="x", ylabel="y", ylim=(-2, 2.8))
ax.legend(frameon=False, ncols=2, loc="upper left")
plt.show()

# %%
# The band is widest in the gap. Beyond the data it is too narrow: there all networks flatten out,
# as tanh does.
for place in (-2.0, 0.5, 2.0):
    print(f"spread at x = {place:4}: {std[np.abs(grid - place).argmin()]:.2f}")
