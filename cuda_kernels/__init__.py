"""CUDA kernels of the ops in `mongoose.ops`. This version holds none yet: every op runs as plain torch."""
