"""Row 47: messages that the far side refuses for good, through a bridge that is killed."""
import json
import signal
import time

import harness
from trial import row

IN_A_ROUND, LIMIT = 400, 1024
FRAMES = "-?framing=frame"


def poison(number):
    return number % 3 == 0


def payload_of(number):
    return f"{number} ".encode().ljust(3 * LIMIT if poison(number) else 100, b".")


def feed(trial, spool, first):
    """A round of messages into the spool that the bridge reads."""
    file = trial.new_file(f"round{first}")
    file.write_bytes(b"".join(harness.checked_frame(payload_of(number), writer=1, sequence=number)
                              for number in range(first, first + IN_A_ROUND)))
    with open(file, "rb") as frames:
        trial.run_fifomq("--quiet", "bridge", FRAMES, spool, stdin=frames)


def numbers(trial, endpoint, **stdin):
    """Of the messages there, in their order, each the first time; and how many came again."""
    printed = trial.run_fifomq("recv", endpoint, "--format", "json", "--idle-exit", "500ms", **stdin)
    seen, again = {}, 0
    for line in printed.out.decode().splitlines():
        message = json.loads(line)
        number = message["sequence"]
        trial.assertEqual(message["payload"].encode(), payload_of(number))
        again += number in seen
        seen[number] = True
    return list(seen), again


@row(47, "refused for good, bridge killed: in the dead letters, none lost", seconds=10)
def refused_for_good(trial):
    letters, times = trial.new_file("letters"), trial.amount(40)
    source, target = (f"spool:{trial.new_file(name)}" for name in ("from", "to"))
    bridge = ("bridge", source, f"{target}?max_message={LIMIT}B", "--dead-letter", letters)
    for turn in range(times):
        feed(trial, source, 1 + turn * IN_A_ROUND)
        with trial.attempt():
            killed = trial.fifomq(*bridge)
            killed.wait_for(" -> .*: at-least-once across power loss")
            time.sleep(trial.random.uniform(0, 0.01))  # a random instant is no event
            killed.signal(signal.SIGKILL)
            killed.wait()
    trial.run_fifomq(*bridge, "--idle-exit", "500ms")
    with open(letters, "rb") as file:
        refused, refused_again = numbers(trial, FRAMES, stdin=file)
    carried, carried_again = numbers(trial, target)
    everything = range(1, 1 + times * IN_A_ROUND)
    trial.assertEqual(refused, [number for number in everything if poison(number)])
    trial.assertEqual(carried, [number for number in everything if not poison(number)])
    return f"{len(refused)} letters, {refused_again + carried_again} messages came again, 0 lost"
