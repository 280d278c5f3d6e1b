"""A first training, as after `pip install`; CI runs it with -W error and without a compiler."""

import fastnet
from fastnet.datasets import load_mnist

mnist = load_mnist()
net = fastnet.Network([784, 30, 10], rng=0)
net.SGD(mnist.train, epochs=1, mini_batch_size=10, eta=0.5)
correct = net.accuracy(mnist.test)
print(f"fastnet {fastnet.__version__}: test accuracy after one epoch {correct / 100:.2f} %")
if correct < 9000:
    raise SystemExit("expected at least 90 %")
