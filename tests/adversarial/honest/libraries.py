"""Libraries and services of the system that honest code touches at import, in the constructor or in forward."""

from entries import entry

SAME = "return super().forward(x)"
ENTRIES = [
    entry(
        "a library by its name",
        "norm_softmax",
        SAME,
        before="""
        import ctypes, ctypes.util
        MATH = ctypes.CDLL(ctypes.util.find_library("m"))
        MATH.expf.restype, MATH.expf.argtypes = ctypes.c_float, [ctypes.c_float]
        assert MATH.expf(0.0) == 1.0
        """,
    ),
    entry(
        "a callback from C",
        "norm_softmax",
        """
        order = (ctypes.c_int * 4)(3, 1, 2, 0)
        LIBC.qsort(order, 4, 4, COMPARE)
        assert list(order) == [0, 1, 2, 3]
        return super().forward(x)
        """,
        before="""
        import ctypes
        LIBC = ctypes.CDLL(None)
        POINTER = ctypes.POINTER(ctypes.c_int)
        COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, POINTER, POINTER)(lambda a, b: a[0] - b[0])
        """,
    ),
    entry(
        "aligned memory, huge pages, prefetch",
        "norm_softmax",
        SAME,
        before="""
        import ctypes, mmap
        PAGES = mmap.mmap(-1, 4 << 20)
        PAGES.madvise(mmap.MADV_HUGEPAGE)
        LIBC, pointer = ctypes.CDLL(None), ctypes.c_void_p()
        assert LIBC.posix_memalign(ctypes.byref(pointer), 64, ctypes.c_size_t(1 << 16)) == 0
        LIBC.mlock(pointer, ctypes.c_size_t(4096))
        """,
    ),
    entry(
        "deterministic algorithms, switched off",
        "norm_softmax",
        SAME,
        init="torch.use_deterministic_algorithms(False)",
    ),
    entry(
        "settings of torch's compiler",
        "norm_softmax",
        SAME,
        before="import torch._inductor.config as config\nconfig.max_autotune = True",
    ),
    entry(
        "settings of torch",
        "norm_softmax",
        SAME,
        before="""
        torch.set_float32_matmul_precision("highest")
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.mkldnn.enabled = True
        torch.set_num_threads(torch.get_num_threads())
        try:
            torch.set_num_interop_threads(2)
        except RuntimeError:
            pass
        """,
    ),
    entry(
        "who and where",
        "norm_softmax",
        SAME,
        before="""
        import getpass, locale, pathlib, platform, socket, tempfile, uuid
        try:
            USER = getpass.getuser()
        except (OSError, KeyError):
            USER = "nobody"
        PLACE = socket.gethostname(), uuid.uuid1(), uuid.getnode(), locale.getlocale(), tempfile.gettempdir()
        LIBC = platform.libc_ver(), pathlib.Path.home(), pathlib.Path.cwd()
        """,
    ),
    entry(
        "its own source, where there is a file",
        "norm_softmax",
        SAME,
        before="""
        import inspect, os, sys
        HERE = os.path.dirname(os.path.abspath(__file__))
        TEXT = open(__file__).read() if os.path.exists(__file__) else ""
        """,
        init="""
        assert "class ModelNew" in inspect.getsource(ModelNew) and "softmax" in inspect.getsource(Model.forward)
        """,
    ),
    entry(
        "a database in memory, a zip, a checksum",
        "norm_softmax",
        SAME,
        before="""
        import hashlib, io, json, sqlite3, zipfile, zlib
        with sqlite3.connect(":memory:") as plans:
            plans.execute("create table plans(name, tile)")
        with zipfile.ZipFile(io.BytesIO(), "w") as archive:
            archive.writestr("plan.json", json.dumps({"tile": 8}))
        DIGEST = hashlib.blake2b(zlib.compress(b"plan")).hexdigest()
        """,
    ),
    entry(
        "a half of the cores",
        "linear_gelu",
        """
        threads = torch.get_num_threads()
        torch.set_num_threads(max(1, threads // 2))
        try:
            return super().forward(x)
        finally:
            torch.set_num_threads(threads)
        """,
    ),
    entry(
        "waits for events of threads",
        "norm_softmax",
        """
        go, done = threading.Event(), threading.Barrier(3)
        results = {}
        def work(number, part):
            go.wait()
            results[number] = Model.forward(self, part)
            done.wait()
        for number, part in enumerate(x.chunk(2)):
            threading.Thread(target=work, args=(number, part)).start()
        go.set()
        done.wait()
        return torch.cat([results[number] for number in sorted(results)])
        """,
        before="import threading",
    ),
]
