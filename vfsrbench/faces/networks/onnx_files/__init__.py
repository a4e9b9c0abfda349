"""ONNX files without onnxruntime: their graphs, and recognition networks filled from them."""
