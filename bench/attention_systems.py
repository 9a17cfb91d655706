"""The forms of attention whose costs are compared, and their sizes: the same on every machine."""

FORMS = [["sdpa", 0], ["local", 0], ["lsh", 4], ["lsh", 1], ["mongoose", 1]]  # name, rounds of hashing
SYSTEMS = [[name, dtype, rounds] for dtype in ("float32", "bfloat16") for name, rounds in FORMS]
SIZES = {"heads": 8, "dim": 64, "chunk": 64}
