"""Prints every byte that comes out of a FIFO, with nothing but Python."""
import os
import sys

path = sys.argv[1] if len(sys.argv) > 1 else "./fifo"
if not os.path.exists(path):
    os.mkfifo(path, 0o600)
with open(path, "rb", buffering=0) as fifo:
    while byte := fifo.read(1):
        print("read :", byte[0], flush=True)
