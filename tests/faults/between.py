"""What stands between two ends of ZeroMQ and repeats what is answered."""
import random
import threading

import zmq

from tcp_proxy import Background


class AnswerReplayer(Background):
    """Between one sender and one receiver: passes on what the sender says, and repeats, delays, reorders and replays
    what is answered."""

    def __init__(self, trial, front, back, seed):
        super().__init__(trial)
        self.front, self.back = front, back
        self.chance = random.Random(seed)
        self.repeated = self.held_back = 0
        self.open = threading.Event()
        self.thread.start()
        self.open.wait()

    def run(self):
        with zmq.Context() as context, context.socket(zmq.ROUTER) as near, context.socket(zmq.DEALER) as far:
            for each in (near, far):
                each.linger = 0
            near.bind(self.front)
            far.connect(self.back)
            self.open.set()
            poller, route, waiting, past = zmq.Poller(), None, [], []
            poller.register(near, zmq.POLLIN)
            poller.register(far, zmq.POLLIN)
            while not self.stopping:
                ready = dict(poller.poll(5))
                if near in ready:
                    route, *parts = near.recv_multipart()
                    far.send_multipart(parts)
                if far in ready:
                    waiting.append(far.recv_multipart())
                    past = [*past[-200:], waiting[-1]]
                for answer in self.choose(waiting, past):
                    near.send_multipart([route, *answer])

    def choose(self, waiting, past):
        self.chance.shuffle(waiting)
        while waiting and self.chance.random() < 0.6:
            yield waiting.pop()
        self.held_back += len(waiting)
        if past and self.chance.random() < 0.5:
            self.repeated += 1
            yield self.chance.choice(past)
