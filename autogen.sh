#!/bin/sh
# Makes configure and Makefile.in from a git checkout. Needs autoconf, automake and autoconf-archive.
set -e
cd "$(dirname "$0")"
mkdir -p m4
exec autoreconf --force --install --warnings=all,no-obsolete
