"""Rows 1-10: opening and configuration."""
import fcntl
import json
import os
import resource
import shutil
import signal
import socket
import stat

import harness
import history
import zmq
from rows_writers import Pipeline, carry_with_failing_calls
from trial import SOMEBODY, Trial, needs_root, row

PUSH = "zmq+push:@ipc://./out"


def refused(trial: Trial, *arguments, wrapper=(), **options) -> str:
    """What the program says: one sentence, status 2, nothing on standard output."""
    program = trial.fifomq(*arguments, wrapper=wrapper, **options)
    trial.assert_ends(program, 2)
    trial.assertEqual((program.out, program.err.count("\n")), (b"", 1), program.err)
    return program.err


def commands(endpoint):
    return (("bridge", endpoint, PUSH), ("bridge", endpoint, PUSH, "--dry-run"), ("bridge", "-", endpoint),
            ("recv", endpoint), ("send", endpoint))


@row(1, "path missing: refused with create=no, else made 0600")
def missing_path(trial):
    path = trial.folder / "fifo"
    for command in commands(f"fifo:{path}?create=no"):
        with trial.attempt():
            trial.assertIn("does not exist", refused(trial, *command))
            trial.assertFalse(path.exists())
    for umask in (0o000, 0o022, 0o077, 0o777):
        for query, mode in (("", 0o600), ("?create=0622", 0o622), ("?create=0666", 0o666)):
            with trial.attempt():
                trial.run_fifomq("recv", f"fifo:{path}{query}", "--idle-exit", "1ms", umask=umask)
                trial.assertEqual(oct(path.stat().st_mode), oct(stat.S_IFIFO | mode))
                path.unlink()


@row(2, "path is a file, folder, socket, link: named, untouched")
def other_types(trial):
    path = trial.folder / "it"

    def make_socket():
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))

    for kind, make in (("regular file", lambda: path.write_bytes(b"precious")), ("directory", path.mkdir),
                       ("socket", make_socket), ("symbolic link", lambda: path.symlink_to("nowhere"))):
        make()
        before = os.lstat(path)
        for command in commands(f"fifo:{path}"):
            with trial.attempt():
                trial.assertIn(f"{path} is not a FIFO ({kind})", refused(trial, *command))
                after = os.lstat(path)
                # All but the time of access.
                trial.assertEqual((*before[:7], *before[8:]), (*after[:7], *after[8:]))
                trial.assertFalse((trial.folder / "nowhere").exists())
        if kind == "regular file":
            trial.assertEqual(path.read_bytes(), b"precious")
        (path.rmdir if kind == "directory" else path.unlink)()


def as_somebody(trial):
    """Makes a command run as a user who owns nothing; his programs are where he can reach them."""
    trial.folder.chmod(0o755)
    public = trial.folder / "bin"
    if not public.exists():
        public.mkdir(mode=0o755)
        shutil.copy(harness.FIFOMQ, public / "fifomq")
    return ("setpriv", "--reuid", str(SOMEBODY), "--regid", str(SOMEBODY), "--clear-groups",
            "--pdeathsig", "KILL", public / "fifomq")


def check_refused_by(trial, user, path, *sentence):
    """Every command says why, in one sentence; with trust=any none does. `user`: what goes in front."""
    for command in commands(f"fifo:{path}"):
        with trial.attempt():
            program = trial.start(*user, *command)
            trial.assert_ends(program, 2)
            for part in (*sentence, "trust=any"):
                trial.assertIn(part, program.err)
    with trial.attempt():
        trial.assert_ends(trial.start(*user, "recv", f"fifo:{path}?trust=any", "--idle-exit", "1ms"), 0)


def check_taken_by(trial, user, path):
    with trial.attempt():
        trial.assert_ends(trial.start(*user, "recv", f"fifo:{path}", "--idle-exit", "1ms"), 0)


def users(trial):
    """Root, and somebody; each with his id."""
    return ((0, (harness.FIFOMQ,)), (SOMEBODY, as_somebody(trial)))


@row(3, "a link of somebody else on the path, or a folder open to all")
def led_astray(trial):
    needs_root()
    real = trial.folder / "real"
    real.mkdir()
    link, stranger = trial.folder / "link", SOMEBODY + 1
    for uid, user in users(trial):
        real.chmod(0o755)
        os.chown(real, uid, uid)
        link.symlink_to(real)
        for owner in {0, uid}:
            os.lchown(link, owner, owner)
            check_taken_by(trial, user, link / "fifo")
        os.lchown(link, stranger, stranger)
        check_refused_by(trial, user, link / "fifo", f"{link} is a symbolic link of uid {stranger}")
        link.unlink()
        real.chmod(0o777)
        check_refused_by(trial, user, real / "fifo", f"in {real} anybody may rename")
        # The last name is followed by nobody.
        real.chmod(0o755)
        link.symlink_to(real / "fifo")
        trial.assertTrue((real / "fifo").is_fifo())
        with trial.attempt():
            program = trial.start(*user, "recv", f"fifo:{link}?trust=any")
            trial.assert_ends(program, 2)
            trial.assertIn("is not a FIFO (symbolic link)", program.err)
        link.unlink()
        (real / "fifo").unlink()


@row(4, "a FIFO of somebody else, or too open, in a shared folder")
def planted_pipe(trial):
    needs_root()
    shared, stranger = trial.folder / "shared", SOMEBODY + 1
    shared.mkdir()
    shared.chmod(0o1777)
    path = shared / "fifo"
    for uid, user in users(trial):
        for owner in {0, uid}:
            os.mkfifo(path)
            path.chmod(0o600 if owner == uid else 0o666)
            os.chown(path, owner, owner)
            if owner == uid:
                check_taken_by(trial, user, path)
            path.unlink()
        os.mkfifo(path)
        path.chmod(0o666)
        os.chown(path, stranger, stranger)
        check_refused_by(trial, user, path, f"{path} is owned by uid {stranger}")
        os.chown(path, uid, uid)
        check_refused_by(trial, user, path, "has mode 0666", "create=0600")
        path.unlink()


@row(5, "a second reader is told the first one's pid; peeking is free", seconds=90)
def second_reader(trial):
    fifo, count = trial.new_fifo(), trial.amount(20_000)
    receiver = trial.receiver(f"fifo:{fifo}")
    client = trial.client(f"fifo:{fifo}")
    client.tell("flood", 1, 1, count, 16, 5000, -1, trial.seed())
    for _ in range(trial.amount(60)):
        with trial.attempt():
            trial.assertIn(f"{fifo} is in use by pid {receiver.pid}; a FIFO has one reader",
                           refused(trial, "recv", f"fifo:{fifo}"))
    trial.assertEqual(client.answer(), f"accepted {count} refused")
    counters = receiver.finish()
    sent = {1: history.Sent(count, count)}
    history.check_nothing_lost(receiver.check(sent), sent)
    trial.assertEqual(counters["bytes_in"], counters["bytes_in_messages"])
    peeks, seen = peek_beside_a_bridge(trial)
    return f"{count} messages to the first meanwhile; {peeks} peeks saw {seen} messages and changed nothing"


def peek_beside_a_bridge(trial):
    """All that a writer sends comes through a bridge, in order and once, whoever looks into its pipe."""
    pipeline, peeks, seen = Pipeline(trial), trial.amount(1000), 0
    client = trial.client(f"fifo:{pipeline.fifo}")
    client.tell("flood", 1, 1, 1 << 30, 2000, 20_000, -1, trial.seed())
    for number in range(peeks):
        with trial.attempt():
            # One of ten finds the bridge at a standstill, and what waits in its place.
            stopped = number % 10 == 0
            if stopped:
                pipeline.bridge.signal(signal.SIGSTOP)
            looks = [peek(trial, pipeline.fifo) for _ in range(1 + stopped)]
            if stopped:
                pipeline.bridge.signal(signal.SIGCONT)
            sequences = [line["sequence"] for line in looks[-1][:-1]]
            trial.assertEqual(sequences, list(range(sequences[0], sequences[0] + len(sequences)))
                              if sequences else [])
            seen += len(sequences)
    client.process.send_signal(signal.SIGTERM)
    last = int(client.answer().split()[1])
    client.end()
    came_in = pipeline.settle()
    trial.assertEqual(came_in["bytes_in"], came_in["bytes_in_messages"])
    trial.assertNotIn("sequence_gaps", came_in)
    sent = {1: history.Sent(last, last)}
    history.check_nothing_lost(pipeline.receiver.check(sent), sent)
    trial.assertGreater(seen, peeks // 10, "peeking shows nothing")
    return peeks, seen


def peek(trial, fifo):
    """The messages that wait, and behind them the sum."""
    ran = trial.run_fifomq("peek", f"fifo:{fifo}", "--format", "json")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    trial.assertEqual(lines[-1]["backlog_messages"], len(lines) - 1)
    return lines


@row(7, "capacity refused, page limit reached, no memory: work goes on")
def capacity_refused(trial):
    uid = SOMEBODY + 7  # whose pages nobody else counts
    user = []
    if os.geteuid() == 0:
        user = ["setpriv", "--reuid", str(uid), "--clear-groups", "--bounding-set=-all",
                "--inh-caps=-all", "--pdeathsig", "KILL"]
        as_somebody(trial)
    program = [*user, trial.folder / "bin/fifomq" if user else harness.FIFOMQ]
    line = b"x" * 100_000
    source = trial.folder / "line"
    source.write_bytes(line + b"\n")
    source.chmod(0o644)
    for taken, asked in ((False, "64MiB"), (True, "1MiB")):
        fifo = trial.new_fifo()
        fifo.chmod(0o666)
        keeper = take_all_pages(trial, user) if taken else None
        warning = r"warning: .*the pipe's capacity stays (\d+) bytes"
        endpoint = f"fifo:{fifo}?trust=any&capacity={asked}"
        with trial.attempt(2):
            reader = trial.start(*program, "recv", endpoint, "--count", "1")
            said = int(reader.wait_for(warning)[1])
            trial.assertEqual(fcntl.fcntl(trial.hold(fifo), fcntl.F_GETPIPE_SZ), said)
            if taken:
                trial.assertEqual(said, 8192)
            writer = trial.start(*program, "send", endpoint, source)
            trial.assert_ends(writer, 0)
            trial.assertRegex(writer.err, warning)
            trial.assert_ends(reader, 0)
            trial.assertEqual(reader.out, line + b"\n")
        if keeper:
            keeper.stop()
    failed = carry_with_failing_calls(trial, "pwritev2,vmsplice,splice,tee", "ENOMEM")
    return f"by the limit of one pipe, and by that of a user; {failed} calls of a bridge without memory"


def take_all_pages(trial, user):
    """A process of that user which holds as many pages in pipes as he may have."""
    code = ("import fcntl, os, time\n"
            "pipes, size = [], 65536\n"
            "while size == 65536:\n"
            "    pipes.append(os.pipe())\n"
            "    size = fcntl.fcntl(pipes[-1][1], fcntl.F_GETPIPE_SZ)\n"
            "    try: fcntl.fcntl(pipes[-1][1], fcntl.F_SETPIPE_SZ, 1 << 20)\n"
            "    except PermissionError: pass\n"
            "print('taken', len(pipes), flush=True)\n"
            "time.sleep(3600)\n")
    soft = int(open("/proc/sys/fs/pipe-user-pages-soft").read())
    assert soft < 1 << 20, "there is no limit on a user's pages in pipes"
    keeper = trial.start(*user, "/usr/bin/python3", "-c", code,
                         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096)))
    keeper.wait_for("taken", "stdout")
    return keeper


@row(8, "no reader, no peer yet: no_peer by the deadline, no hang", seconds=6)
def nobody_there(trial):
    worst = 0.0
    for endpoint in (f"fifo:{trial.folder}/nobody", f"zmq+push:@{trial.ipc('a')}",
                     f"zmq+push:{trial.ipc('b')}"):
        client = trial.client(endpoint)
        for milliseconds, times in ((0, 20), (200, 5)):
            for number in range(1, times + 1):
                with trial.attempt():
                    result, took, late = client.send_by(1, number, 100, milliseconds)
                    trial.assertEqual(result, "no_peer")
                    trial.assertGreaterEqual(took, milliseconds / 1000)
                    trial.assertLess(late, 0.05, f"{endpoint}: {milliseconds} ms took {took} s")
                    worst = max(worst, late)
        source = trial.new_file("line")
        source.write_bytes(b"line\n")
        for timeout in ("0ms", "200ms"):
            with trial.attempt():
                other = endpoint.replace("@", "") + ".other"
                sent = trial.fifomq("send", other, source, "--timeout", timeout)
                trial.assert_ends(sent, 1)
                trial.assertIn("no_peer: nobody was there to take a message in time", sent.err)
    return f"latest by {worst * 1000:.1f} ms"


@row(9, "a typo: file:line, the key, the nearest one; exit 2")
def typos(trial):
    good = ('from = "fifo:./in"', f'to = "{PUSH}"')
    file = trial.folder / "bridge.toml"
    for lines, line, said in (
            ((*good, 'idel_exit = "1s"'), 3, "unknown key 'idel_exit'; did you mean 'idle_exit'?"),
            ((good[0], f'to = "{PUSH}?hmw=0"'), 2, "unknown option 'hmw'; did you mean 'hwm'?"),
            ((good[1], "", 'from = "fito:./in"'), 3, "unknown scheme 'fito'; did you mean 'fifo'?"),
            ((good[1], 'from = "fifo:./in?capcity=1MiB"'), 2, "'capcity'; did you mean 'capacity'?")):
        file.write_text("\n".join(lines) + "\n")
        for extra in ((), ("--dry-run",)):
            with trial.attempt():
                sentence = refused(trial, "bridge", "--config", file, *extra)
                trial.assertTrue(sentence.startswith(f"fifomq: {file}:{line}: "), sentence)
                trial.assertIn(said, sentence)
    for command in commands("fifo:./in?framng=line"):
        with trial.attempt():
            trial.assertIn("unknown option 'framng'; did you mean 'framing'?", refused(trial, *command))
    trial.assertEqual(os.listdir(trial.folder), ["bridge.toml"])


@row(10, "an endpoint in use, tcp and ipc: refused, not stolen")
def endpoint_in_use(trial):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with trial.attempt():
            trial.assertRegex(refused(trial, "bridge", f"fifo:{trial.new_fifo()}", f"zmq+push:@{address}"),
                              r"in use.*\[in_use\]")
    fifo, endpoint = trial.new_fifo(), f"zmq+push:@{trial.ipc()}"
    first = trial.bridge(f"fifo:{fifo}", endpoint)
    pull = harness.zmq_socket(trial, zmq.PULL, trial.ipc())
    for number in range(trial.amount(10)):
        for extra in ((), ("--dry-run",)):
            with trial.attempt():
                sentence = refused(trial, "bridge", f"fifo:{trial.folder}/other", endpoint, *extra)
                trial.assertIn(f"{trial.folder / 'socket'} is in use by pid {first.pid} [in_use]", sentence)
        text = b"%d" % number
        trial.send_lines(f"fifo:{fifo}", text)
        trial.assertEqual(harness.frame_class().FromString(pull.recv()).payload, text)
    path = trial.folder / "file"
    path.write_bytes(b"precious")
    with trial.attempt():
        trial.assertIn("exists and is not a socket", refused(
            trial, "bridge", f"fifo:{fifo}.other", f"zmq+push:@{trial.ipc('file')}"))
        trial.assertEqual(path.read_bytes(), b"precious")
