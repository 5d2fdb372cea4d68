#!/usr/bin/env -S python3 -I -S
"""A RUSTC_WRAPPER: runs the compiler and adds a line to $RUSTC_CPU_LOG with package, target and processor seconds."""
import os
import resource
import subprocess
import sys

words = sys.argv[1:]
# The compilers share cargo's jobserver by descriptors that they inherit.
status = subprocess.run(words, close_fds=False, check=False).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
target = words[words.index("--target") + 1] if "--target" in words else "host"
line = f"{os.environ.get('CARGO_PKG_NAME', '-')}\t{target}\t{used.ru_utime + used.ru_stime:.3f}\n"
# One write to a file that is opened for appending is whole, though many compilers run at a time.
log = os.open(os.environ["RUSTC_CPU_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
os.write(log, line.encode())
os.close(log)
sys.exit(status if status >= 0 else 128 - status)
