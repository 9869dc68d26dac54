"""seccomp: which system calls a worker may make by itself. The verifier decides on all others, one by one.

So it can let a worker start compilers while it is loaded, and nothing any more once it has seen inputs, without
trusting the worker to lock itself. Where the verifier cannot listen, the stage decides: what is not allowed in the run
stage, and what is dangerous in the build stage, fails with EPERM.
"""

from __future__ import annotations

import ctypes
import errno
import os

from evaluator.isolation.layers import libc
from evaluator.isolation.layers.bpf import ALLOW, ERRNO, NOTIFY, Rule, program
from evaluator.isolation.layers.syscalls import numbers

_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER, _NEW_LISTENER = 1, 1 << 3
_CLONE_THREAD = 0x00010000
_AF_UNIX = 1
_HARMLESS_PRCTL = (15, 16, 3, 21, 39, 42, 23, 0x53564D41)  # names of threads and mappings, and questions

_FILES = """
    read write pread64 pwrite64 readv writev preadv pwritev lseek openat open close close_range fstat stat lstat
    newfstatat statx access faccessat faccessat2 readlink readlinkat getcwd chdir fchdir getdents getdents64 mkdir
    mkdirat unlink unlinkat rmdir rename renameat renameat2 link linkat symlink symlinkat ftruncate truncate fallocate
    fsync fdatasync flock fadvise64 readahead sync_file_range copy_file_range sendfile fcntl ioctl dup dup2 dup3 pipe
    pipe2 umask statfs fstatfs utimensat chmod fchmod fchmodat inotify_init1"""
_MEMORY = """
    mmap munmap mremap mprotect madvise msync mincore brk mlock munlock memfd_create get_mempolicy membarrier pkey_alloc
    pkey_free pkey_mprotect"""
_THREADS = """
    futex futex_waitv set_robust_list get_robust_list rseq set_tid_address sched_yield sched_getaffinity
    sched_getscheduler sched_getparam sched_get_priority_max sched_get_priority_min getpriority exit exit_group wait4
    waitid"""
_TIME = """
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time times getitimer setitimer alarm timer_create
    timerfd_create timerfd_settime timerfd_gettime"""
_SIGNALS = """
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack restart_syscall
    pause signalfd4"""
_QUESTIONS = """
    getpid gettid getppid getuid geteuid getgid getegid getresuid getresgid getgroups getpgid getpgrp getsid getrusage
    getrlimit sysinfo uname getcpu getrandom arch_prctl capget"""
_WAITING = """
    poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd eventfd2
    socketpair sendmsg recvmsg sendto recvfrom shutdown getsockopt setsockopt getsockname getpeername"""
_RUN = _FILES + _MEMORY + _THREADS + _TIME + _SIGNALS + _QUESTIONS + _WAITING

_NETWORK = "socket connect bind listen accept accept4"
_OTHERS = """
    ptrace process_vm_readv process_vm_writev kcmp process_madvise process_mrelease pidfd_open pidfd_getfd
    pidfd_send_signal setpriority sched_setaffinity sched_setscheduler sched_setparam sched_setattr ioprio_set
    migrate_pages move_pages rt_sigqueueinfo rt_tgsigqueueinfo"""
_SYSTEM = """
    mount umount2 pivot_root chroot unshare setns move_mount open_tree fsopen fsmount fsconfig fspick mount_setattr bpf
    perf_event_open io_uring_setup io_uring_enter io_uring_register keyctl add_key request_key init_module finit_module
    delete_module kexec_load kexec_file_load reboot swapon swapoff userfaultfd open_by_handle_at name_to_handle_at
    personality syslog quotactl acct settimeofday clock_settime clock_adjtime adjtimex sethostname setdomainname
    memfd_secret mknod mknodat fanotify_init fanotify_mark vhangup lookup_dcookie nfsservctl iopl ioperm
    modify_ldt"""
_SHARED = "shmget shmat shmctl msgget msgsnd msgrcv msgctl semget semop semctl semtimedop mq_open mq_unlink"
DANGEROUS = _NETWORK + " " + _OTHERS + _SYSTEM + " " + _SHARED


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("code", ctypes.c_char_p)]


def enter(build: bool, sockets: bool = False) -> int | None:
    """For this thread and its descendants, for good. The descriptor on which the verifier hears and decides; None where
    another listener is there already, as in some containers. `sockets` permits to make Unix-domain ones that others may
    connect to. Needs no_new_privs."""
    rules = [*_allowed(), *(_sockets() if sockets else [])]
    try:
        return _install(rules, NOTIFY, _NEW_LISTENER)
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.EINVAL):
            raise
    quiet = ERRNO | errno.EPERM
    if build:
        denied = [Rule(number, quiet) for number in numbers(DANGEROUS).values()]
        _install([*(_sockets() if sockets else []), *denied], ALLOW, 0)
    else:
        _install(rules, quiet, 0)
    return None


def _install(rules: list[Rule], otherwise: int, flags: int) -> int:
    code = program(rules, otherwise)
    described = _Program(len(code) // 8, code)
    return libc.syscall("seccomp", _SECCOMP[os.uname().machine], _SET_MODE_FILTER, flags, described)


def _allowed() -> list[Rule]:
    named = numbers("clone3 clone kill tgkill prctl prlimit64")
    return [
        Rule(named["clone3"], ERRNO | errno.ENOSYS),  # its flags cannot be read here: glibc falls back to clone
        Rule(named["clone"], ALLOW, 0, (_CLONE_THREAD,), bits=True),
        *(Rule(named[name], ALLOW, 0, (os.getpid(),)) for name in ("kill", "tgkill")),
        Rule(named["prctl"], ALLOW, 0, _HARMLESS_PRCTL),
        Rule(named["prctl"], ERRNO | errno.EPERM),
        Rule(named["prlimit64"], ALLOW, 2, (0,)),  # asks; a limit to set would be an address
        *(Rule(number, ALLOW) for number in numbers(_RUN).values()),
    ]


def _sockets() -> list[Rule]:
    """Connecting is refused quietly: a GPU's driver looks for a daemon."""
    named = numbers("socket connect")
    return [
        Rule(named["socket"], ALLOW, 0, (_AF_UNIX,)),
        Rule(named["connect"], ERRNO | errno.ECONNREFUSED),
        *(Rule(number, ALLOW) for number in numbers("bind listen accept accept4").values()),
    ]
