"""Kernels in CUDA C++ for the ops in `mongoose.ops`, and what runs and checks them; `launch.launch` is the front."""
