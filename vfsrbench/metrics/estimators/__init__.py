"""What several metrics share: flow, embeddings and landmarks of frames, computed once."""
