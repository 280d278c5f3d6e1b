"""Networks as the models of other libraries, and back: ONNX, PyTorch, scikit-learn.

Each module imports its library when it is used. The public face is `Network.to_onnx`,
`Network.to_torch`, `Network.from_torch`, `Network.to_sklearn` and `Network.from_sklearn`.
"""
