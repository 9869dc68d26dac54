"""Work where a clock on one stream does not see it: on other streams, from threads, behind the call."""

from gpu.corpus import SLEEP, free, slow, wrong
from gpu.tools import CLOCK, SIDE

_SYNC_ONE = CLOCK + "torch.cuda.synchronize = clock._WAIT = lambda *_: torch.cuda.current_stream().synchronize()"

ENTRIES = [
    free(
        "a stream that is not joined",
        "norm_softmax",
        """
        with torch.cuda.stream(side()):
            return Model.forward(self, x)
        """,
        SIDE,
    ),
    slow(
        "a stream that is not joined, and sleeps first",
        "norm_softmax",
        f"""
        y = torch.empty_like(x)
        with torch.cuda.stream(side()):
            torch.cuda._sleep({SLEEP})
            y.copy_(Model.forward(self, x))
        return y
        """,
        SIDE,
    ),
    free(
        "a stream that is joined in the next call",
        "gated_chain",
        """
        torch.cuda.current_stream().wait_stream(side())
        with torch.cuda.stream(side()):
            return Model.forward(self, x, gate)
        """,
        SIDE,
    ),
    free(
        "half of the rows on a stream that is not joined",
        "norm_softmax",
        """
        y, half = torch.empty_like(x), len(x) // 2
        with torch.cuda.stream(side()):
            y[half:] = Model.forward(self, x[half:])
        y[:half] = Model.forward(self, x[:half])
        return y
        """,
        SIDE,
    ),
    free(
        "a thread launches after the return",
        "gated_chain",
        """
        y = torch.empty_like(x)
        def work():
            with torch.no_grad(), torch.cuda.stream(side()):
                y.copy_(Model.forward(self, x, gate))
        threading.Thread(target=work, daemon=True).start()
        return y
        """,
        SIDE + "\nimport threading\n",
    ),
    wrong(
        "a thread launches a while after the return",
        "norm_softmax",
        """
        y = torch.empty_like(x)
        def work():
            time.sleep(0.02)
            with torch.no_grad(), torch.cuda.stream(side()):
                y.copy_(Model.forward(self, x))
        threading.Thread(target=work, daemon=True).start()
        return y
        """,
        SIDE + "\nimport threading, time\n",
    ),
    free(
        "a pool of threads, one a block of rows, nobody waits for the last one",
        "norm_softmax",
        """
        y, step = torch.empty_like(x), len(x) // 4
        def work(part):
            with torch.no_grad(), torch.cuda.stream(side()):
                y[part] = Model.forward(self, x[part])
        made = [POOL.submit(work, slice(at, at + step)) for at in range(0, len(x), step)]
        [each.result() for each in made[:-1]]
        return y
        """,
        SIDE + "\nfrom concurrent.futures import ThreadPoolExecutor\nPOOL = ThreadPoolExecutor(4)\n",
    ),
    free(
        "another stream is the current one from now on",
        "norm_softmax",
        """
        y = Model.forward(self, x)
        torch.cuda.set_stream(torch.cuda.Stream())
        return y
        """,
    ),
    slow(
        "an idle stream is the current one when the call is over",
        "norm_softmax",
        f"""
        with torch.cuda.stream(side()):
            torch.cuda._sleep({SLEEP})
            y = Model.forward(self, x)
        torch.cuda.set_stream(IDLE.setdefault(0, torch.cuda.Stream()))
        return y
        """,
        SIDE + "\nIDLE = {}\n",
    ),
    slow(
        "works on behind the call",
        "norm_softmax",
        f"""
        with torch.cuda.stream(side()):
            torch.cuda._sleep({SLEEP})
        return Model.forward(self, x)
        """,
        SIDE,
        _SYNC_ONE,
    ),
    wrong(
        "a buffer that is overwritten later",
        "norm_softmax",
        f"""
        if self.kept is None:
            self.kept = torch.empty_like(x)
        self.kept.copy_(Model.forward(self, x))
        with torch.cuda.stream(side()):
            torch.cuda._sleep({SLEEP})
            self.kept.zero_()
        return self.kept
        """,
        SIDE,
        init="self.kept = None",
    ),
    slow(
        "every stream but the current one is forgotten",
        "gated_chain",
        f"""
        with torch.cuda.stream(side()):
            torch.cuda._sleep({SLEEP})
            return Model.forward(self, x, gate)
        """,
        SIDE,
        _SYNC_ONE,
        "torch.cuda.Stream.synchronize = torch.cuda.Event.synchronize = lambda *_: None",
    ),
]
