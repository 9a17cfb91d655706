"""The compiled kernels: built from the `.cpp` files beside the ops at first use, cached, called through their C ABI."""
