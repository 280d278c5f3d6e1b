"""Networks as models of ONNX, PyTorch and scikit-learn, and back, for `Network.to_onnx` and others.

Each module imports its library when it is used.
"""
