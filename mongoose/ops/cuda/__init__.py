"""The ops on kernels of `cuda_kernels`: a module for each of `mongoose.ops`, imported when first needed."""
