"""
Signal propagation and the phases of deep networks
==================================================

How the variance of signals, forward, and of errors, backward, changes from layer to layer in deep
networks before training: measured, and predicted by mean field theory.
"""

# %%
# He's initializer keeps the variance of ReLU layers. Glorot's halves it in every layer, and N(0, 1)
# multiplies it by half the width. Bands are 95 % confidence intervals of the mean of eight seeds.
import matplotlib.pyplot as plt

from fastnet import plotting
from fastnet.diagnostics import propagation
from fastnet.initializers import VarianceScaling

networks = [
    propagation([60] * 21, initializer=name, activation="relu", rng=0)
    for name in ("he_normal", "glorot_normal", "large")
]
figure, axes = plt.subplots(2, 1, figsize=(7, 6), sharex=True, layout="constrained")
plotting.propagation(axes[0], networks)
plotting.propagation(axes[1], networks, "var_delta")
# sphinx_gallery_thumbnail_number = 2
plt.show()

# %%
# With tanh, biases matter too. Each layer multiplies the variance of errors by chi_1: if it is
# below 1, in the ordered phase, gradients vanish; above 1, in the chaotic phase, they explode. The
# points are measured factors, from the middle of networks of ten layers.
points = []
for sigma_b in (0.2, 0.8, 1.4):
    for sigma_w in (0.6, 1.2, 1.8, 2.4, 3.0):
        found = propagation(
            [60] * 11,
            initializer=VarianceScaling(sigma_w**2),
            bias_initializer=lambda rng, shape, sigma=sigma_b: rng.normal(0, sigma, shape),
            activation="tanh",
            seeds=2,
            rng=0,
        )
        delta = found.mean("var_delta")
        points.append((sigma_w, sigma_b, (delta[3] / delta[7]) ** 0.25))

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
plotting.phase_diagram(ax, "tanh", points, label="factor of the error's variance")
plt.show()
