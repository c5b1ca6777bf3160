"""What each writer really sent, what each receiver got, and whether the two agree.

The helpers in peers/ write these records down (peers/records.hpp) in files that are mapped, so that
what stands in them is there whatever killed the process.
"""
import collections
import dataclasses
import struct

ARRIVAL = struct.Struct("<QQIIII")
EXACT, DAMAGED = 1, 2
SLOT = struct.Struct("<QQQQQQQQ")
STEP, FIRST, WORD = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, (1 << 64) - 1

Arrival = collections.namedtuple("Arrival", "origin sequence writer number size status")
Slot = collections.namedtuple("Slot", "begun accepted settled bytes bytes_settled good_bytes pid unused")


def payload(writer, number, size):
    """The bytes of peers/content.hpp."""
    header = struct.pack("<II", writer, number)
    word, words = (writer << 32 | number) * FIRST & WORD, []
    for _ in range((size + 7 - len(header)) // 8):
        words.append(word)
        word = word + STEP & WORD
    return (header + struct.pack(f"<{len(words)}Q", *words))[:size]


def read_arrivals(path):
    """All whole records, in the order in which they were written down."""
    with open(path, "rb") as file:
        while block := file.read(ARRIVAL.size << 14):
            for record in ARRIVAL.iter_unpack(block):
                if record[-1] == 0:
                    return
                yield Arrival(*record)


def read_slots(path):
    with open(path, "rb") as file:
        return [Slot(*record) for record in SLOT.iter_unpack(file.read())]


def count_arrivals(path):
    """By bisection: the file is sparse, and what was written stands at its beginning."""
    with open(path, "rb") as file:
        low, high = 0, file.seek(0, 2) // ARRIVAL.size
        while low < high:
            middle = (low + high) // 2
            file.seek(middle * ARRIVAL.size + ARRIVAL.size - 4)
            if file.read(4) == bytes(4):
                high = middle
            else:
                low = middle + 1
        return low


def latest_arrivals(path, most=200):
    """The last ones that were written down."""
    count = count_arrivals(path)
    with open(path, "rb") as file:
        file.seek(max(count - most, 0) * ARRIVAL.size)
        records = file.read(min(count, most) * ARRIVAL.size)
        return [Arrival(*record) for record in ARRIVAL.iter_unpack(records)]


@dataclasses.dataclass
class Sent:
    """One writer: the messages it may have sent are 1 ... begun without the refused ones, and those
    up to `acknowledged` are owed."""
    begun: int
    acknowledged: int
    refused: frozenset = frozenset()


@dataclasses.dataclass
class Got:
    """What came of one writer."""
    count: int = 0
    last: int = 0
    missing: int = 0  # before the last one that came

    def lost(self, sent):
        """How many of those that are owed did not come."""
        refused = sum(number <= min(sent.acknowledged, self.last) for number in sent.refused)
        tail = sum(number not in sent.refused
                   for number in range(self.last + 1, sent.acknowledged + 1))
        return self.missing - refused + tail


class Broken(AssertionError):
    """The history does not hold."""


def check(arrivals, sent, repeats=False, damaged=None):
    """Looks at every arrival: as it was sent, by a writer that sent it, behind what came of that
    writer before. With `repeats`, what has come before may come again, as it was, and is left out,
    as a consumer does that looks at (writer, sequence). A list in `damaged` takes up what came and was
    not as it was sent, where that may be. Returns what came of each writer."""
    got = {writer: Got() for writer in sent}
    origins = {}
    for index, arrival in enumerate(arrivals):
        what = f"arrival {index}, writer {arrival.writer} number {arrival.number}"
        if arrival.status != EXACT and damaged is not None:
            damaged.append(arrival)
            continue
        if arrival.status != EXACT:
            raise Broken(f"{what}: other bytes than were sent ({arrival.size})")
        if arrival.writer not in sent:
            raise Broken(f"{what}: there was no such writer")
        source, so_far = sent[arrival.writer], got[arrival.writer]
        if not 1 <= arrival.number <= source.begun:
            raise Broken(f"{what}: it has sent {source.begun}")
        if arrival.number in source.refused:
            raise Broken(f"{what}: it was refused, and came all the same")
        _check_origin(what, arrival, origins)
        if arrival.number <= so_far.last:
            if repeats:
                continue
            raise Broken(f"{what}: came after number {so_far.last}: twice, or out of order")
        so_far.missing += arrival.number - so_far.last - 1
        so_far.last = arrival.number
        so_far.count += 1
    return got


def _check_origin(what, arrival, origins):
    """A writer keeps its origin, which nobody shares; 0 is unknown."""
    if arrival.origin == 0:
        return
    before = origins.setdefault(arrival.origin, arrival.writer)
    if before != arrival.writer:
        raise Broken(f"{what}: has the origin of writer {before}")


def check_nothing_lost(got, sent):
    for writer, source in sent.items():
        if lost := got[writer].lost(source):
            raise Broken(f"writer {writer}: {lost} lost of {source.acknowledged} that were "
                         f"acknowledged; {got[writer]}")
