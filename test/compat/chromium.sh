#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Headless Chromium, with its sandbox of namespaces and seccomp unless it is run
# by root, renders a page whose script computes in a worker; its document and its
# picture are compared.
set -u
. "$HERE/lib.sh"

cat >"$T/page.html" <<'E2'
<!DOCTYPE html><title>page</title><body style="background: #8ac"><h1>cprof</h1>
<canvas id="c" width="200" height="100"></canvas><p id="out">-</p><script>
const code = 'let s = 0; for (let i = 0; i < 3e6; i++) s = (s * 31 + i) % 65521; postMessage(s)';
const worker = new Worker(URL.createObjectURL(new Blob([code])));
worker.onmessage = (e) => { document.getElementById('out').textContent = e.data; };
const g = document.getElementById('c').getContext('2d');
for (let i = 0; i < 100; i++) { g.fillStyle = `rgb(${i * 2},80,120)`; g.fillRect(i * 2, i, 20, 20); }
</script></body>
E2
sandbox=
[ "$(id -u)" != 0 ] || sandbox=--no-sandbox
chrome() {
	chromium --headless $sandbox --disable-gpu --no-first-run \
		--user-data-dir="$T/user" --virtual-time-budget=5000 "$@" \
		"file://$T/page.html" 2>>"$T/said"
	echo "status $?"
}
chrome --dump-dom
chrome --screenshot="$T/page.png" --window-size=400,300 >/dev/null
sha256sum "$T/page.png"
grep -i 'crash\|fatal\|check failed\|cprof' "$T/said"
exit 0
