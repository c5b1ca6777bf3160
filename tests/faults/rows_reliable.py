"""Rows 30 to 33, 36 and 37, as far as `zmq+reliable:` promises something: ends that are killed, links that break,
slow receivers, answers that come again."""
import contextlib
import signal
import time

import between
import harness
import history
from hosts import Cable
from tcp_proxy import TcpProxy
from trial import Client, memory_peak, row

# Seconds, with what a busy machine adds.
SILENCE, PLAIN_SILENCE = 3.0 + 1.5, 12.0 + 3.0


@row(30, "receiver or bridge killed: reliable loses nothing", seconds=40)
def killed(trial):
    kills, fifo = trial.amount(200), trial.new_fifo()
    trial.hold(fifo)
    address, arrivals = trial.ipc("reliable"), trial.new_file("arrivals")
    bridge = lambda: trial.fifomq("bridge", f"fifo:{fifo}", f"zmq+reliable:{address}",
                                  "--require", "at-least-once", "--quiet")
    receiver = lambda: trial.receiver(f"zmq+reliable:@{address}", "commit=10", arrivals=arrivals)
    running = [bridge(), receiver()]
    client = trial.client(f"fifo:{fifo}")
    client.tell("flood", 1, 1, 1 << 30, 16, 20_000, -1, trial.seed())
    for _ in range(kills):
        with trial.attempt():
            come = history.count_arrivals(arrivals)
            harness.wait_until(lambda: history.count_arrivals(arrivals) > come + 20, "messages after a kill")
            time.sleep(trial.random.random() * 0.02)  # any instant
            for victim in trial.random.choice(([0], [1], [0, 1])):
                program = running[victim] if victim == 0 else running[victim].program
                program.signal(signal.SIGKILL)
                program.wait()
                running[victim] = receiver() if victim else bridge()
    client.process.send_signal(signal.SIGTERM)
    accepted = int(client.answer().split()[1])
    client.end()
    sent = {1: history.Sent(accepted, accepted)}
    harness.wait_until(lambda: any(each.number == accepted for each in history.latest_arrivals(arrivals)),
                       "the last message")
    running[0].signal(signal.SIGTERM)
    running[0].wait()
    running[1].finish()
    got = history.check(history.read_arrivals(arrivals), sent, repeats=True)
    history.check_nothing_lost(got, sent)
    again = history.count_arrivals(arrivals) - got[1].count
    return f"{accepted} messages, {again} came again and were left out, 0 lost"


@row(31, "the network away, idle and saturated: noticed, back by itself", seconds=35)
def half_open(trial):
    """Between two hosts: the cable pulled, the address gone, the far end frozen."""
    cable, port, size = Cable(trial), 5555, 1000
    receiver = trial.receiver(f"zmq+reliable:@tcp://{cable.far.address}:{port}?plaintext=yes", "commit=1",
                              wrapper=cable.far.wrapper)
    client = trial.client(f"zmq+reliable:tcp://{cable.far.address}:{port}?linger=60s", wrapper=cable.near.wrapper)
    sent, worst = 1, {"plain, silent": plain_link(trial, cable)}
    trial.assertEqual(client.send(1, sent, size, -1), "sent")
    receiver.wait_for(sent)
    for _ in range(trial.amount(1, long=20)):
        for what, harm in (("silent", cable.silent), ("pulled", cable.pulled), ("no address", cable.without_address),
                           ("frozen", lambda: frozen(receiver.program))):
            for load in ("saturated",) if what == "frozen" else ("idle", "saturated"):
                with trial.attempt():
                    if load == "saturated":
                        client.tell("flood", 1, sent + 1, 1 << 30, 16, 20_000, -1, trial.seed())
                        receiver.wait_for(sent + 100)
                    with harm():
                        # A frozen peer's kernel answers, and may have room for all that the credit allows.
                        took = seconds_until_noticed(cable.near, port, or_arrived=what == "frozen")
                    if took is not None:
                        worst[what] = max(worst.get(what, 0), took)
                        trial.assertLess(took, SILENCE)
                    come = receiver.count()
                    if load == "saturated":
                        receiver.wait_for(come + 100)  # back by itself
                        client.process.send_signal(signal.SIGTERM)
                        sent += int(client.answer().split()[1])
                    else:
                        sent += 1
                        trial.assertEqual(client.send(1, sent, size, -1), "sent")
                    receiver.wait_for(sent)
    # A message takes longer than silence may.
    with trial.attempt(), cable.slow("60mbit"):
        sent += 1
        trial.assertEqual(client.send(1, sent, 30 << 20, -1), "sent")
        receiver.wait_for(sent)
    client.end()
    receiver.finish()
    history.check_nothing_lost(receiver.check({1: history.Sent(sent, sent)}), {1: history.Sent(sent, sent)})
    return "noticed within " + ", ".join(f"{seconds:.1f} s ({what})" for what, seconds in worst.items())


def plain_link(trial, cable):
    """A subscriber, which never says anything, finds its publisher again."""
    port = 5556
    client = trial.client(f"zmq+pub:@tcp://{cable.near.address}:{port}?plaintext=yes&wait_peers=1",
                          wrapper=cable.near.wrapper)
    receiver = trial.receiver(f"zmq+sub:tcp://{cable.near.address}:{port}", wrapper=cable.far.wrapper)
    with trial.attempt():
        trial.assertEqual(client.send(1, 1, 1000, -1), "sent")
        receiver.wait_for(1)
        # A connection that owes data is given up only when its kernel stops sending it again.
        harness.wait_until(lambda: cable.near.bytes_on_their_way(port) == 0, "nothing is on its way")
        with cable.silent():
            took = seconds_until_noticed(cable.far, port)
            trial.assertLess(took, PLAIN_SILENCE)
            harness.wait_until(lambda: not cable.near.connections(port), "the publisher notices it, too")
        trial.assertEqual(client.send(1, 2, 1000, -1), "sent")
        receiver.wait_for(2)
        client.end()
        receiver.finish()
    return took


def seconds_until_noticed(host, port, or_arrived=False):
    """Until the connection that is there now has been given up; None if it is kept, since the other kernel has
    taken all that was sent."""
    began, (connection,) = time.monotonic(), host.connections(port)
    harness.wait_until(lambda: connection not in host.connections(port) or (
        or_arrived and host.bytes_on_their_way(port) == 0), "the silence is noticed")
    return None if connection in host.connections(port) else time.monotonic() - began


@contextlib.contextmanager
def frozen(program):
    program.signal(signal.SIGSTOP)
    yield
    program.signal(signal.SIGCONT)


@row(32, "TCP reset, frozen, slow, cut in mid-stream: nothing lost", seconds=30)
def broken_link(trial):
    times, count = trial.amount(60), trial.amount(40_000)
    port = harness.free_port()
    receiver = trial.receiver(f"zmq+reliable:@tcp://127.0.0.1:{port}", "commit=10")
    proxy = TcpProxy(trial, port)
    client = trial.client(f"zmq+reliable:tcp://127.0.0.1:{proxy.port}?linger=60s")
    client.tell("flood", 1, 1, count, 16, 20_000, -1, trial.seed())
    for _ in range(times):
        with trial.attempt():
            carried = proxy.carried
            harness.wait_until(lambda: proxy.carried > carried or receiver.count() == count, "the stream goes on")
            how = trial.random.choice(("reset", "reset", "drop", "slow", "frozen"))
            time.sleep(trial.random.random() * 0.02)  # any instant
            if how in ("reset", "drop"):
                proxy.harm(how)
                continue
            proxy.slowness, proxy.frozen = (0.002, False) if how == "slow" else (0.0, True)
            time.sleep(0.1)  # the row is about a link that stands still
            proxy.harm("reset")
            proxy.slowness, proxy.frozen = 0.0, False
    trial.assertEqual(client.answer(), f"accepted {count} refused")
    client.end()
    receiver.wait_for(count)
    counters = receiver.finish()
    sent = {1: history.Sent(count, count)}
    history.check_nothing_lost(receiver.check(sent), sent)
    trial.assertEqual(counters.get("sequence_gaps", 0), 0)
    return f"{count} messages over {proxy.accepted} connections, none lost, none twice"


@row(33, "receiver stopped, messages of 1 MiB: memory stays bounded", seconds=15)
def slow_receiver(trial):
    size, credit, slack = harness.MIB, 16 * harness.MIB, 32 * harness.MIB
    address = trial.ipc("reliable")
    receiver = trial.receiver(f"zmq+reliable:@{address}", "commit=1")
    client, number = trial.client(f"zmq+reliable:{address}"), 1
    trial.assertEqual(client.send(1, number, size, -1), "sent")
    receiver.wait_for(1)
    refused, worst = set(), 0
    for _ in range(trial.amount(5)):
        receiver.program.signal(signal.SIGSTOP)
        with trial.attempt():
            result = "sent"
            while result == "sent":
                number += 1
                result = client.send(1, number, size, 50)
            trial.assertEqual(result, "timed_out")
            refused.add(number)
            receiver.program.signal(signal.SIGCONT)
            number += 1
            trial.assertEqual(client.send(1, number, size, -1), "sent")
            receiver.wait_for(number - len(refused))
            worst = max(worst, memory_peak(client.pid), memory_peak(receiver.pid))
            trial.assertLess(worst, credit + slack)
    client.end()
    receiver.finish()
    sent = {1: history.Sent(number, number, frozenset(refused))}
    history.check_nothing_lost(receiver.check(sent), sent)
    return f"at most {worst / harness.MIB:.0f} MiB, with credit={credit // harness.MIB}MiB"


@row(36, "a sender is killed and comes back: its new session wins", seconds=15)
def sender_comes_back(trial):
    address = trial.ipc("reliable")
    receiver, worst = trial.receiver(f"zmq+reliable:@{address}", "commit=1"), 0.0
    times, sent = trial.amount(100), {}
    for writer in range(1, times + 1):
        with trial.attempt():
            client, before = Client(trial, f"zmq+reliable:{address}"), receiver.count()
            trial.assertEqual(client.ask("flood", writer, 1, 5, 16, 2000, -1, trial.seed()), "accepted 5 refused")
            began = time.monotonic()
            # Among what the earlier ones have left on the way.
            news = lambda: history.latest_arrivals(receiver.arrivals, receiver.count() - before)
            harness.wait_until(lambda: any(each.writer == writer for each in news()), "the new session's message")
            worst = max(worst, time.monotonic() - began)
            client.tell("flood", writer, 6, 1 << 30, 16, 20_000, -1, trial.seed())
            count = receiver.count()
            harness.wait_until(lambda: receiver.count() > count + 20, "its messages")
            client.stop()
            sent[writer] = history.Sent(1 << 30, 1)
    receiver.finish()
    history.check_nothing_lost(receiver.check(sent), sent)
    return f"heard within {worst * 1000:.0f} ms"


@row(37, "answers come twice, late, out of order, replayed", seconds=15)
def answers_again(trial):
    count, front, back = trial.amount(20_000), trial.ipc("front"), trial.ipc("back")
    receiver = trial.receiver(f"zmq+reliable:@{back}", "commit=4")
    replayer = between.AnswerReplayer(trial, front, back, trial.seed())
    client = trial.client(f"zmq+reliable:{front}?credit=256KiB&linger=60s")
    with trial.attempt(count):
        trial.assertEqual(client.ask("flood", 1, 1, count, 16, 5000, -1, trial.seed()), f"accepted {count} refused")
        client.end()
        receiver.wait_for(count)
        receiver.finish()
        sent = {1: history.Sent(count, count)}
        history.check_nothing_lost(receiver.check(sent), sent)
    replayer.stop()
    trial.assertGreater(replayer.repeated, 0)
    trial.assertGreater(replayer.held_back, 0)
    return f"{replayer.repeated} repeated or replayed, {replayer.held_back} times held back"
