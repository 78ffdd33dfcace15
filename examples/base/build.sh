#!/usr/bin/env bash
# Writes the file system of the base image referee/python:3.11 to stdout, as one tar: a small Debian 12
# with Python 3.11 and the wheels of requirements.txt.
#
# Packages come from wherever this machine's apt gets them, wheels from wherever its pip does.
# It refuses to name a mirror itself, and to build on anything but Debian 12's Python 3.11.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"

known() {
    apt-get indextargets --format '$(CODENAME) deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' 'Origin: Debian' 'Component: main' | sed -n 's/^bookworm[^ ]* //p'
}
sources=$(known)
if [ -z "$sources" ] && [ "$(id -u)" -eq 0 ]; then apt-get update >&2; sources=$(known); fi
if [ -z "$sources" ]; then
    echo "base/build.sh: apt here knows no Debian 12 (bookworm); run 'apt-get update' on a Debian 12" >&2
    exit 1
fi
proxy=$(apt-config shell proxy Acquire::http::Proxy | sed "s/^proxy='\(.*\)'$/\1/")

# The platform is spelled out because the Python that runs pip here need not be the image's.
case $(dpkg --print-architecture) in amd64) arch=x86_64 ;; arm64) arch=aarch64 ;; *) arch=$(uname -m) ;; esac
python3 -m pip install --quiet --no-deps --no-compile --only-binary=:all: --root-user-action=ignore \
    --implementation cp --python-version 3.11 \
    --platform "manylinux_2_28_$arch" --platform "manylinux_2_27_$arch" --platform "manylinux_2_17_$arch" \
    --platform "manylinux2014_$arch" --target "$stage" -r "$here/requirements.txt" >&2
rm -rf "$stage/bin"
find "$stage" -type d \( -name tests -o -name test -o -name include \) -prune -exec rm -rf {} +
find "$stage" \( -name '*.pxd' -o -name '*.c' -o -name '*.h' -o -name '*.a' \) -delete

# Bytecode is compiled in the image and never checked against its source: a container's file system is
# read-only and its user owns nothing, so without it each run would compile numpy anew.
packages=/usr/local/lib/python3.11/dist-packages
mmdebstrap --quiet --variant=essential --skip=output/dev --include=python3,libstdc++6,usr-is-merged \
    ${proxy:+--aptopt="Acquire::http::Proxy \"$proxy\""} --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --customize-hook="mkdir -p \"\$1$packages\"" \
    --customize-hook="sync-in $stage $packages" \
    --customize-hook="chroot \"\$1\" python3 -m compileall -q --invalidation-mode unchecked-hash $packages >&2" \
    --customize-hook='rm -f "$1/usr/lib/python3.11/EXTERNALLY-MANAGED"' \
    --customize-hook='printf "#!/bin/sh\nexec python3 -m pip \"\$@\"\n" >"$1/usr/local/bin/pip"; chmod 755 "$1/usr/local/bin/pip"' \
    --customize-hook='ln -s python3 "$1/usr/bin/python"' \
    --customize-hook='chmod u-s "$1/usr/bin/su" "$1/usr/bin/newgrp"' \
    --customize-hook='rm -rf "$1"/var/lib/apt "$1"/var/cache/* "$1"/var/log/*' \
    --customize-hook='rm -f "$1"/etc/apt/sources.list "$1"/etc/hostname "$1"/etc/resolv.conf' \
    bookworm - - <<<"$sources"
