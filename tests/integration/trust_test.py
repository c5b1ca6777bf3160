"""Whom a path is taken from: links, folders and pipes that somebody else could have put there."""
import os
import unittest

import harness

SOMEBODY = 12345  # a user id that nobody has
PUSH = "zmq+push:@ipc://./out"


@unittest.skipUnless(os.geteuid() == 0, "only root can make files of another user")
class Trust(harness.IntegrationCase):
    def setUp(self):
        super().setUp()
        self.inner = self.folder / "inner"
        self.inner.mkdir()

    def assert_refused(self, path, *parts, query=""):
        endpoint = f"fifo:{path}{query}"
        for command in (("bridge", endpoint, PUSH), ("bridge", endpoint, PUSH, "--dry-run"),
                        ("bridge", "-", endpoint), ("recv", endpoint), ("send", endpoint)):
            with self.subTest(command):
                said = self.run_fifomq(*command, status=2).err
                self.assertEqual(said.count("\n"), 1, said)
                for part in (*parts, "trust=any", "[permission_denied]"):
                    self.assertIn(part, said)

    def assert_taken(self, path, query=""):
        endpoint = f"fifo:{path}{query}"
        self.run_fifomq("bridge", endpoint, PUSH, "--dry-run")
        self.run_fifomq("recv", endpoint, "--idle-exit", "1ms")

    def make_fifo_at(self, path, mode=0o600, owner=0):
        os.mkfifo(path)
        os.chmod(path, mode)
        os.chown(path, owner, owner)

    def test_a_link_of_somebody_else_on_the_way(self):
        link = self.folder / "link"
        path = link / "fifo"
        for target in (self.inner, "inner"):
            with self.subTest(target=str(target)):
                link.symlink_to(target)
                self.assert_taken(path)
                os.lchown(link, SOMEBODY, SOMEBODY)
                self.assert_refused(path, f"{link} is a symbolic link of uid {SOMEBODY}")
                self.assert_taken(path, "?trust=any")
                link.unlink()

    def test_a_link_of_somebody_else_behind_one_of_ours(self):
        first, second = self.folder / "first", self.folder / "second"
        first.symlink_to("second/../second")
        second.symlink_to(self.inner)
        self.assert_taken(first / "fifo")
        os.lchown(second, SOMEBODY, SOMEBODY)
        self.assert_refused(first / "fifo", f"{second} is a symbolic link of uid {SOMEBODY}")

    def test_links_in_a_ring(self):
        ring = self.folder / "ring"
        ring.symlink_to("ring")
        said = self.run_fifomq("recv", f"fifo:{ring}/fifo", status=2).err
        self.assertIn(f"{ring} leads through more than 40 symbolic links", said)

    def test_the_path_itself_is_never_followed(self):
        self.make_fifo_at(self.inner / "real")
        link = self.folder / "link"
        link.symlink_to(self.inner / "real")
        for query in ("", "?trust=any"):
            said = self.run_fifomq("recv", f"fifo:{link}{query}", status=2).err
            self.assertIn("is not a FIFO (symbolic link)", said)

    def test_a_pipe_of_somebody_else_in_a_shared_folder(self):
        path = self.inner / "fifo"
        self.make_fifo_at(path, owner=SOMEBODY)
        self.assert_taken(path)
        self.inner.chmod(0o1777)
        self.assert_refused(path, f"{path} is owned by uid {SOMEBODY}")
        self.assert_taken(path, "?trust=any")
        self.assertEqual(path.stat().st_uid, SOMEBODY)

    def test_a_pipe_open_to_more_writers_than_asked_in_a_shared_folder(self):
        path = self.inner / "fifo"
        self.make_fifo_at(path, mode=0o622)
        self.assert_taken(path)
        self.inner.chmod(0o1777)
        self.assert_refused(path, "has mode 0622", "create=0600")
        self.assert_refused(path, "has mode 0622", "create=no", query="?create=no")
        self.assert_taken(path, "?create=0622")
        self.assert_taken(path, "?trust=any")

    def test_a_folder_in_which_anybody_may_rename(self):
        path = self.inner / "fifo"
        self.inner.chmod(0o777)
        self.assert_refused(path, f"in {self.inner} anybody may rename", "mode 0777")
        self.assertFalse(path.exists())
        deeper = self.inner / "deeper"
        deeper.mkdir()
        self.assert_refused(deeper / "fifo", f"in {self.inner} anybody may rename")
        self.assert_taken(path, "?trust=any")


if __name__ == "__main__":
    unittest.main(verbosity=2)
