"""The model that ships: `linear.safetensors`, `embeddings.safetensors`, their manifest and what was measured."""
