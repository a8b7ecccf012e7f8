#!/bin/bash
# make screenshot: records a run on a terminal, as make demo leaves it (one endpoint of
# four drops packets), and makes the README's picture of it. The cluster must be up;
# Debian packages: aha (colours to HTML), chromium (HTML to PNG).
set -euo pipefail
cd "$(dirname "$0")/../.."
for tool in script aha chromium; do
  command -v "$tool" >/dev/null || { echo "error: $tool is missing: apt-get install aha chromium" >&2; exit 1; }
done
out=$PWD/docs/images
columns=112
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

test/demo/demo.sh >"$work/demo" 2>&1 || { cat "$work/demo" >&2; exit 1; }
testcluster=bin/testcluster
export KUBECONFIG=$($testcluster kubeconfig)
export PATH=$PWD/bin:$($testcluster bin):$PATH

command='kubectl netlook pod checkout -n shop --to svc/payments'
# A real terminal, so that the plugin colours what it prints; the progress line on it is
# for people who wait, and is wiped by its own escape sequences.
status=0
TERM=xterm-256color script -qec "stty cols $columns rows 60; $command 2>/dev/null" "$work/typescript" >/dev/null </dev/null || status=$?
[ "$status" -eq 1 ] || { echo "error: the run ended with $status, not with 1: problems found" >&2; exit 1; }
{ printf '$ %s\n' "$command"; sed -e '1{/^Script started/d}' -e '${/^Script done/d}' -e 's/\r$//' "$work/typescript"; } |
  sed -e '/^$/N;/^\n$/D' >"$work/run"
grep -q NL-SVC-ENDPOINT-DOWN "$work/run" || { echo "error: the run does not show the cause" >&2; exit 1; }

# What everybody may look at is the verdict; the table below it goes on for a page.
head -n 34 "$work/run" >"$work/top"
lines=$(wc -l <"$work/top")
aha --black --no-header -f "$work/top" >"$work/body"
cat >"$work/page.html" <<END
<!doctype html><meta charset="utf-8">
<style>
  body { margin: 0; background: #14161a; }
  pre { margin: 0; padding: 18px 22px; color: #d6d9de; font: 14px/19px "DejaVu Sans Mono", monospace; }
</style><pre>$(cat "$work/body")</pre>
END
height=$((lines * 19 + 36))
width=$((columns * 843 / 100 + 44))
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --force-device-scale-factor=2 \
  --user-data-dir="$work/chromium" --window-size="$width,$height" --screenshot="$work/run.png" "file://$work/page.html" >"$work/log" 2>&1 ||
  { cat "$work/log" >&2; exit 1; }
mkdir -p "$out"
cp "$work/run.png" "$out/run.png"
# The same as text, for those who cannot see it.
sed -e 's/\x1b\[[0-9;?]*[a-zA-Z]//g' "$work/run" >"$out/run.txt"
echo "docs/images/run.png: $(stat -c %s "$out/run.png") bytes, of a run that took place just now"
