"""Row 38: bridges in a ring."""
import harness
from trial import row

MOST_HOPS = 8


@row(38, "bridges in a ring: dropped when it would pass hop 8", seconds=4)
def ring(trial):
    """Of two and of three, pipes and sockets; each message goes round until it has passed eight."""
    messages = trial.amount(200)
    for length in (2, 3):
        with trial.attempt(messages):
            check_ring(trial, length, messages)
    return f"{MOST_HOPS} bridges each, then counted"


def check_ring(trial, length, messages):
    pipes = [trial.new_fifo() for _ in range(length)]
    bridges = [trial.fifomq("bridge", f"fifo:{here}", f"fifo:{there}")
               for here, there in zip(pipes, pipes[1:] + pipes[:1])]
    for bridge in bridges:
        bridge.wait_for(" -> .*: at-")
    client = trial.client(f"fifo:{pipes[0]}")
    trial.assertEqual(client.ask("flood", 1, 1, messages, 16, 3000, -1, trial.seed()), f"accepted {messages} refused")
    client.end()
    dropped = bridges[MOST_HOPS % length]
    dropped.wait_for("lost: .*hop_limit|hop_limit=")
    harness.wait_until(lambda: all(trial.backlog(pipe) == 0 for pipe in pipes), "nothing goes round any more")
    for bridge in bridges:
        trial.stop_bridge(bridge)
    ledgers = [trial.ledger(bridge, "relayed=") for bridge in bridges]
    trial.assertEqual([each["hop_limit"] for each in ledgers],
                      [messages if bridge is dropped else 0 for bridge in bridges])
    trial.assertEqual(sum(each["relayed"] for each in ledgers), MOST_HOPS * messages)
