#!/bin/bash
# Makes the root filesystem of the toolbox image of Debian packages, without a container
# engine and without running anything of it: rootfs.sh OUT.tar.gz [ARCHITECTURE].
# The packages are extracted, not installed: no package manager ends up in the image, and
# another architecture needs no emulation. What their scripts would have done and is
# needed, finish.sh does. The same packages give the same bytes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: rootfs.sh OUT.tar.gz [ARCHITECTURE]}
suite=trixie
architecture=${2:-$(dpkg --print-architecture)}

if ! command -v mmdebstrap >/dev/null; then
  echo "error: mmdebstrap is missing; install it with: apt-get install mmdebstrap" >&2
  exit 1
fi
packages=$(sed -e 's/#.*//' "$here/packages.txt" | xargs | tr ' ' ,)
mkdir -p "$(dirname "$out")"
work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT

export SOURCE_DATE_EPOCH=0
if ! mmdebstrap --variant=extract --format=tar --skip=output/dev --architectures="$architecture" --include="$packages" \
  --extract-hook="bash '$here/finish.sh' \"\$1\"" "$suite" "$work/rootfs.tar" 2>"$work/log"; then
  # apt says which; the rest of its words differ from machine to machine.
  missing=$(sed -n -e 's/.*Unable to locate package //p' -e "s/.*Package '\(.*\)' has no installation candidate.*/\1/p" "$work/log" | sort -u | xargs)
  if [ -n "$missing" ]; then
    echo "error: Debian $suite has no package: $missing (images/toolbox/packages.txt)" >&2
  else
    cat "$work/log" >&2
    echo "error: no root filesystem could be made of Debian's packages; the lines above say why" >&2
  fi
  exit 1
fi
# What mmdebstrap takes from this machine is no business of the image.
tar --delete -f "$work/rootfs.tar" ./etc/apt ./etc/hostname ./etc/resolv.conf
gzip -n -6 "$work/rootfs.tar"
chmod 644 "$work/rootfs.tar.gz"
mv "$work/rootfs.tar.gz" "$out" # complete or not at all
