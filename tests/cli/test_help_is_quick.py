import time


def test_help_is_quick(egg):
    def once():
        begin = time.perf_counter()
        egg("--help")
        return time.perf_counter() - begin

    assert any(once() < 0.5 for _ in range(8))  # a busy machine may need a second try
