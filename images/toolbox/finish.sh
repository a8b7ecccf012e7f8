#!/bin/bash
# Finishes the toolbox's root filesystem, after its packages were extracted into the
# folder $1: what their scripts would have done, and what nobody reads in a container.
set -euo pipefail
root=${1:?usage: finish.sh ROOT}

# Scanners find the packages and their versions here, as in Google's distroless images.
mkdir -p "$root/var/lib/dpkg/status.d"
for deb in "$root"/var/cache/apt/archives/*.deb; do
  name=$(dpkg-deb -f "$deb" Package)
  { dpkg-deb -f "$deb" Package Version Architecture Source Maintainer; echo "Status: install ok installed"; } >"$root/var/lib/dpkg/status.d/$name"
done

# Alternatives: the links that update-alternatives makes.
for tool in iptables ip6tables; do
  for suffix in '' -save -restore; do ln -sf "xtables-nft-multi" "$root/usr/sbin/$tool$suffix"; done
done
for tool in traceroute traceroute6; do ln -sf "$tool.db" "$root/usr/bin/$tool"; done
ln -sf which.debianutils "$root/usr/bin/which"
ln -sf nc.openbsd "$root/usr/bin/nc"
ln -sf mawk "$root/usr/bin/awk"
ln -sf bash "$root/usr/bin/sh"
ln -sf inetutils-telnet "$root/usr/bin/telnet"

# The bundle that update-ca-certificates makes.
mkdir -p "$root/etc/ssl/certs"
find "$root/usr/share/ca-certificates" -name '*.crt' -print0 | LC_ALL=C sort -z | xargs -0 cat >"$root/etc/ssl/certs/ca-certificates.crt"

# The users that the profiles run as, so that they have names, and tcpdump's own.
printf '%s\n' 'root:x:0:0:root:/dev/shm:/bin/bash' 'nobody:x:65534:65534::/:/usr/sbin/nologin' 'netlook:x:65532:65532::/dev/shm:/bin/bash' >"$root/etc/passwd"
printf '%s\n' 'root:x:0:' 'nogroup:x:65534:' 'netlook:x:65532:' >"$root/etc/group"

# A file that asks for capabilities or another user cannot be started where the profile
# forbids them, not even for what it could do without. (Capabilities of files are set by
# scripts of packages, which did not run.)
find "$root" -xdev -type f -perm /6000 -exec chmod a-s {} +

# Perl comes with debconf and is used by none of the tools.
rm -f "$root"/usr/bin/perl* "$root"/usr/lib/*/libperl.so.* "$root"/var/lib/dpkg/status.d/{perl*,libperl*}
rm -rf "$root"/usr/share/{man,info,locale,lintian,bash-completion,bug,zoneinfo,perl*} \
  "$root"/usr/lib/*/perl* "$root"/usr/lib/*/gconv "$root"/var/cache/{debconf,ldconfig} "$root"/var/log/* "$root"/etc/{cron*,init.d,systemd,logrotate.d}

# Who hands out the image hands out the packages' licenses too: of their documents the
# copyright files stay, and links from one package's to another's.
find "$root/usr/share/doc" -mindepth 2 ! -type d ! -name copyright -delete
find "$root/usr/share/doc" -mindepth 1 -depth -type d -empty -delete
