# What the scripts in this directory share. Sourced, not run.
# shellcheck shell=bash

# shellcheck disable=SC2034
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*" >&2; }

die() {
    say "${0##*/}: $*"
    exit 1
}

# The comment at the top of a script is its --help.
usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }

can_install() { [[ $EUID == 0 ]] && command -v apt-get >/dev/null; }

# install_packages PACKAGE...: Debian packages, where we may install them.
install_packages() {
    can_install || die "install these first, by the names that Debian gives them: $*"
    say "${0##*/}: installing $*"
    if [[ ! ${apt_is_current:-} ]]; then
        quietly apt-get update
        apt_is_current=yes
    fi
    DEBIAN_FRONTEND=noninteractive quietly apt-get install -y --no-install-recommends "$@"
}

# quietly COMMAND...: shows what the command says only when it fails.
quietly() {
    local output
    output=$("$@" 2>&1 </dev/null) || {
        say "$output"
        die "failed: $*"
    }
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
