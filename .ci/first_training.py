"""A first training, as after `pip install`: run by CI with -W error where no compiler is."""

import fastnet
from fastnet.datasets import load_mnist

mnist = load_mnist()
net = fastnet.Network([784, 30, 10], rng=0)
net.SGD(mnist.train, epochs=1, mini_batch_size=10, eta=0.5)
correct = net.accuracy(mnist.test)
print(f"fastnet {fastnet.__version__}: after one epoch {correct} of 10,000 digits are right")
if correct < 9000:
    raise SystemExit("that is too few")
