"""Sources are parsed in several threads, while the garbage collector runs code of ours."""

import gc
import threading

from egg_search.core.syntax import literal, parse

SOURCE = "\n".join(f"def f{n}(x):\n    return [x + {n}, (x * 2, {{'a': x}})]" for n in range(40))

LITERAL = "{" + ", ".join(f"'k{n}': ({n}, [None, True])" for n in range(40)) + "}"


def test_threads_parse_at_the_same_time():
    errors, before = [], gc.get_threshold()

    def callback(phase, info):
        sum(range(200))

    def work():
        try:
            for _ in range(30):
                parse(SOURCE)
                assert literal(LITERAL)["k39"] == (39, [None, True])
        except BaseException as error:
            errors.append(error)

    gc.callbacks.append(callback)
    gc.set_threshold(20)
    try:
        threads = [threading.Thread(target=work) for _ in range(6)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(callback)
    assert errors == []
