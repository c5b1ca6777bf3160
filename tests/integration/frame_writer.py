"""A writer that has nothing of fifomq but frame.proto: frame_writer.py GENERATED FIFO SEED COUNT.

Each frame is one plain write. random_payloads() gives the receiver the same messages again.
"""
import math
import os
import random
import sys

LARGEST = 1 << 20


def random_payloads(seed, count):
    """From nothing to 1 MiB, as many between 1 and 10 bytes as between 100 KB and 1 MB."""
    numbers = random.Random(seed)
    for index in range(count):
        size = int(math.exp(numbers.uniform(0, math.log(LARGEST)))) - 1
        yield numbers.randbytes({0: 0, 1: LARGEST}.get(index, size))


def main(generated, fifo, seed, count):
    sys.path.insert(0, generated)
    from fifomq.v1.frame_pb2 import Frame
    from google.protobuf.internal.encoder import _VarintBytes
    pipe = os.open(fifo, os.O_WRONLY)
    for payload in random_payloads(int(seed), int(count)):
        body = Frame(sync=0xC5FEF0F1, payload=payload).SerializeToString()
        data = _VarintBytes(len(body)) + body
        if os.write(pipe, data) != len(data):
            sys.exit("a write was cut short")


if __name__ == "__main__":
    main(*sys.argv[1:])
