# What the scripts in this directory share. Sourced, not run.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*" >&2; }

die() {
    say "${0##*/}: $*"
    exit 1
}

# The comment at the top of a script is its --help.
usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }

apt_is_current=

# install_packages PACKAGE...: Debian packages, where we may install them.
install_packages() {
    if [[ $EUID != 0 ]] || ! command -v apt-get >/dev/null; then
        die "please install first: $* (the names of Debian's packages)"
    fi
    say "${0##*/}: installing $*"
    # Standard output belongs to the command that the script runs.
    if [[ ! $apt_is_current ]]; then
        apt-get update -qq >&2
        apt_is_current=yes
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
        </dev/null >&2
}

# rustc links with `cc`, and a few crates compile C.
ensure_build_tools() {
    command -v cargo >/dev/null || die "cargo is not on the PATH: install Rust first"
    command -v cc >/dev/null || install_packages gcc libc6-dev
}

# is_listening PORT: whether something answers there.
is_listening() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# A port below the range from which the kernel takes ports for outgoing connections.
random_port() { echo $((20000 + RANDOM % 12000)); }
