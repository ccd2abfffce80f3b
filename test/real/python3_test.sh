#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run: 240 any
#
# Debian's python3 with its memory from malloc: objects, threads, subprocesses,
# json and an exception that ends it.
set -u
. "$(dirname "$0")/lib.sh"
need go /usr/bin/python3

cat >"$T/prog.py" <<'PY'
import json, subprocess, sys, threading

lock = threading.Lock()
found = {}

def count(words):
    for i in range(30000):
        word = words[i % len(words)] + str(i % 97)
        with lock:
            found[word] = found.get(word, 0) + 1

threads = [threading.Thread(target=count, args=(["a", "b", "c"],))
           for _ in range(4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
text = json.dumps(found, sort_keys=True)
print(len(found), sum(json.loads(text).values()))
print(subprocess.run(["/bin/echo", "child"], stdout=subprocess.PIPE).stdout)
data = [[j * i for j in range(50)] for i in range(20000)]
print(sum(map(sum, data)))
sys.stdout.flush()
sys.exit(7)
PY
export PYTHONMALLOC=malloc
status=0 # set by same
same /usr/bin/python3 "$T/prog.py"
[ "$status" = 7 ] || fail "status $status, not 7"
all_readable
in_top "$(profile python3 cpu)" 30 _PyEval_EvalFrameDefault
in_top "$(profile python3 alloc)" 30 _PyEval_EvalFrameDefault
