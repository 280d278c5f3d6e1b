"""
A decision boundary, in a scikit-learn pipeline
===============================================

`MLPClassifier` of `fastnet.estimators` takes the place of scikit-learn's own, in pipelines and in
its displays. Here is what the penalty `alpha` on the weights does to the boundary between two
classes.
"""

# %%
# Two half moons that overlap, 150 points to train on and 50 to test. The colour is the predicted
# probability of the blue class; the points are those of the test.
import matplotlib.pyplot as plt
from sklearn.datasets import make_moons
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fastnet.estimators import MLPClassifier

X, y = make_moons(200, noise=0.3, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

figure, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained")
for ax, alpha in zip(axes, (0.0001, 0.3, 10.0), strict=True):
    options = {"solver": "lbfgs", "alpha": alpha, "max_iter": 1000, "random_state": 0}
    network = MLPClassifier((30,), "tanh", **options)
    model = make_pipeline(StandardScaler(), network).fit(X_train, y_train)
    colours = {"cmap": "RdBu", "vmin": 0, "vmax": 1, "alpha": 0.6, "levels": 20}
    DecisionBoundaryDisplay.from_estimator(
        model, X, response_method="predict_proba", class_of_interest=1, ax=ax, eps=0.3, **colours
    )
    ax.scatter(*X_test.T, c=y_test, cmap="RdBu", edgecolors="black", s=25)
    scores = f"training {model.score(X_train, y_train):.0%}, test {model.score(X_test, y_test):.0%}"
    ax.set(title=f"alpha = {alpha:g}", xlabel=scores, xticks=[], yticks=[])
plt.show()
