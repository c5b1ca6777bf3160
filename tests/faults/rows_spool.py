"""Rows 40-44: a queue on the disk, whose ends are killed, whose disk is full or fails, whose files are hit."""
import contextlib
import ctypes
import os
import re
import signal
import subprocess
import time

import harness
import history
from rows_readers import check_filtered
from trial import Skip, row

MIB = 1 << 20


@row(40, "bridge, spool's sender, its receiver killed: nothing lost", seconds=100)
def killed(trial):
    times = trial.amount(300)
    again = ends_killed(trial, times) + bridge_killed(trial, times)
    return f"{again} messages came again and were left out, 0 lost, 0 committed ones came again"


def ends_killed(trial, times):
    """Both ends of one spool, one of them or both at a random instant; what send() accepted is owed."""
    spool, arrivals, journal = trial.new_file("spool"), trial.new_file("arrivals"), trial.new_file("journal")
    endpoint, commit = f"spool:{spool}?size=4MiB&sync=interval=5ms", 3
    arrivals.touch()
    sender = receiver = None
    writers = kills = 0
    for _ in range(times):
        with trial.attempt():
            if sender is None:
                sender = trial.helper("spooler", endpoint, journal, times, writers, 16, 60_000, trial.seed())
                writers += 1
            if receiver is None:
                receiver = trial.receiver(endpoint, f"commit={commit}", arrivals=arrivals)
            receiver.wait_for(history.count_arrivals(arrivals) + 1)
            time.sleep(trial.random.uniform(0, 0.004))  # a random instant is no event
            who = trial.random.choice(("sender", "receiver", "both"))
            if who != "receiver":
                kill(sender)
                sender = None
            if who != "sender":
                kill(receiver.program)
                receiver, kills = None, kills + 1
    if sender:
        kill(sender)
    counters = (receiver or trial.receiver(endpoint, f"commit={commit}", arrivals=arrivals)).finish()
    trial.assertEqual(counters.get("frames_damaged", 0), 0)
    slots = history.read_slots(journal)[:writers]
    sent = {writer: history.Sent(slot.begun, slot.accepted) for writer, slot in enumerate(slots)}
    repeated = check_filtered(trial, arrivals, sent)
    # Of what was committed before a receiver was killed, nothing comes again.
    trial.assertLessEqual(repeated, kills * commit)
    return repeated


def bridge_killed(trial, times):
    """Pipe -> bridge -> spool -> receiver: the pipe is held, the others are killed."""
    fifo, spool, arrivals = trial.new_fifo(), trial.new_file("spool"), trial.new_file("arrivals")
    trial.hold(fifo)
    arrivals.touch()
    endpoint = f"spool:{spool}?size=4MiB"
    client = trial.client(f"fifo:{fifo}")
    client.tell("flood", 1, 1, 1 << 30, 16, 20_000, -1, trial.seed())
    bridge, receiver = None, None
    for _ in range(times):
        with trial.attempt():
            bridge = bridge or trial.fifomq("bridge", f"fifo:{fifo}", endpoint)
            receiver = receiver or trial.receiver(endpoint, "commit=7", arrivals=arrivals)
            receiver.wait_for(history.count_arrivals(arrivals) + 1)
            time.sleep(trial.random.uniform(0, 0.004))  # a random instant is no event
            who = trial.random.choice(("bridge", "receiver", "both"))
            if who != "receiver":
                trial.assertTrue(bridge.is_running(), bridge.err)
                kill(bridge)
                bridge = None
            if who != "bridge":
                kill(receiver.program)
                receiver = None
    bridge = bridge or trial.fifomq("bridge", f"fifo:{fifo}", endpoint)
    bridge.wait_for(" -> .*: at-least-once")
    receiver = receiver or trial.receiver(endpoint, "commit=7", arrivals=arrivals)
    client.process.send_signal(signal.SIGTERM)
    last = int(re.fullmatch(r"accepted (\d+) refused", client.answer())[1])
    client.end()
    trial.stop_bridge(bridge)
    receiver.finish()
    return check_filtered(trial, arrivals, {1: history.Sent(last, last)})


def kill(program):
    program.signal(signal.SIGKILL)
    program.wait()


@contextlib.contextmanager
def small_disk(trial, size):
    if os.geteuid() != 0:
        raise Skip("needs a file system of its own, which only root can mount")
    disk = trial.new_file("disk")
    disk.mkdir()
    # In a name space of this row's processes, with which it goes.
    clone_newns = 0x00020000
    if ctypes.CDLL(None, use_errno=True).unshare(clone_newns) != 0:
        raise Skip(f"cannot mount a file system here: {os.strerror(ctypes.get_errno())}")
    mounted = subprocess.run(f"mount --make-rprivate / && mount -t tmpfs -o size={size} tmpfs {disk}",
                             shell=True, capture_output=True, text=True)
    if mounted.returncode != 0:
        raise Skip(f"cannot mount a file system here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


@row(41, "disk full: reading stops, said once, resumes; nothing lost", seconds=20)
def disk_full(trial):
    """A pipe's bridge into a spool on a disk of 8 MiB, which gets full again and again."""
    rounds, number = trial.amount(6), 0
    with small_disk(trial, 8 * MIB) as disk:
        fifo, arrivals = trial.new_fifo(), trial.new_file("arrivals")
        endpoint = f"spool:{disk}/spool"
        arrivals.touch()
        client = trial.client(f"fifo:{fifo}")
        bridge = trial.fifomq("bridge", f"fifo:{fifo}", endpoint)
        bridge.wait_for(" -> .*: at-least-once")
        for turn in range(1, rounds + 1):
            with trial.attempt():
                while (sent := client.send(1, number + 1, 50_000, 300) == "sent") or free(disk) > 70_000:
                    number += sent
                receiver = trial.receiver(endpoint, "commit=1", arrivals=arrivals)
                receiver.wait_for(number)
                receiver.finish()
        trial.stop_bridge(bridge)
        sent = {1: history.Sent(number, number)}
        again = check_filtered(trial, arrivals, sent)
        trial.assertEqual(again, 0, "nobody was killed")
        # Each time once; the log puts together what comes again within a second.
        for text in ("the disk is full", "there is room on the disk again"):
            trial.assertIn(bridge.err.count(text), range(1, rounds + 1), text)
    return f"{rounds} times, {number * 50_000 // MIB} MiB through a disk of 8"


def free(disk):
    status = os.statvfs(disk)
    return status.f_bavail * status.f_frsize


def can_trace():
    probe = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True)
    if probe.returncode != 0:
        raise Skip(f"strace cannot trace here: {probe.stderr.strip()}")


@row(42, "fsync fails: it stops, tries nothing again; a restart recovers", seconds=12)
def sync_fails(trial):
    can_trace()
    rounds = trial.amount(6)
    fifo, spool, arrivals = trial.new_fifo(), trial.new_file("spool"), trial.new_file("arrivals")
    trial.hold(fifo)
    client = trial.client(f"fifo:{fifo}")
    client.tell("flood", 1, 1, 1 << 30, 16, 2000, -1, trial.seed())
    endpoint = f"spool:{spool}?size=64MiB"
    for turn in range(rounds):
        with trial.attempt():
            trace = trial.new_file("trace")
            wrapper = ("strace", "-f", "-o", trace, "-e", "trace=fdatasync,fsync,openat", "-e",
                       f"inject=fdatasync:error=EIO:when={trial.random.randint(1, 4)}")
            bridge = trial.fifomq("bridge", f"fifo:{fifo}", endpoint, wrapper=wrapper)
            trial.assert_ends(bridge, 1)
            trial.assertRegex(bridge.err, r"cannot bring what was sent to the disk .*\[system_failure\]")
            calls = re.findall(r"\b(?:fdatasync|fsync)\(.*", trace.read_text())
            trial.assertIn("EIO", calls[-1], "it was tried again")
    bridge = trial.fifomq("bridge", f"fifo:{fifo}", endpoint)
    receiver = trial.receiver(endpoint, "commit=7", arrivals=arrivals)
    client.process.send_signal(signal.SIGTERM)
    last = int(re.fullmatch(r"accepted (\d+) refused", client.answer())[1])
    client.end()
    trial.stop_bridge(bridge)
    receiver.finish()
    again = check_filtered(trial, arrivals, {1: history.Sent(last, last)})
    return f"{last} messages, {again} came again and were left out, 0 lost"


@row(43, "each byte of a spool flipped, each file cut at each length", seconds=30)
def damage(trial):
    """The sweeps are a test of the transport's own; it says how many it has tried."""
    ran = trial.start(harness.TEST_PROGRAMS / "plugin_spool", "--gtest_filter=Damage.*")
    trial.assert_ends(ran, 0)
    tried = [int(number) for number in re.findall(rb"^(\d+) (?:bytes flipped|lengths)$", ran.out, re.M)]
    trial.assertEqual(len(tried), 2)
    with trial.attempt(sum(tried)):
        trial.assertRegex(ran.out, rb"\[  PASSED  \] 7 tests")
    return f"{tried[0]} flips, {tried[1]} lengths: at most the message hit, what was cut off"


@row(44, "second sender, second receiver: refused with the pid", seconds=4)
def second(trial):
    endpoint = f"spool:{trial.new_file('spool')}"
    client = trial.client(endpoint)
    receiver = trial.receiver(endpoint, "commit=1")
    for turn in range(trial.amount(10)):
        with trial.attempt(2):
            said = trial.run_fifomq("send", endpoint, "/dev/null", status=2).err
            trial.assertIn(f"in use by pid {client.pid}; a spool has one sender [in_use]", said)
            said = trial.run_fifomq("recv", endpoint, status=2).err
            trial.assertIn(f"in use by pid {receiver.pid}; a spool has one receiver [in_use]", said)
            trial.assertEqual(client.send(1, turn + 1, 1000, 1000), "sent")
            receiver.wait_for(turn + 1)
    client.end()
    receiver.finish()
    return "the first ones notice nothing"
