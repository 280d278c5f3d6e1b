"""Export of networks to ONNX, C, PyTorch and scikit-learn, and import from the last two.

A module imports the other library when a function needs it.
"""
