"""The engine for float32; see engine.pyx. setup.py says what `real` is."""
include "fastnet/kernels/engine.pyx"
