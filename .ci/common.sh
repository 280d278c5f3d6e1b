# Functions that .ci/run and .ci/wheels share; `source` this file.

export PIP_QUIET=2 PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1
unset PYTHONPATH PYTHONHOME FASTNET_KERNEL FASTNET_VARIANTS

#: The versions of Python that are tested if they are installed.
PYTHONS=(3.11 3.12 3.13)

summary=()

step() {
    local name=$1 began=$SECONDS
    shift
    printf '\n==> %s\n' "$name"
    "$@"
    summary+=("$(printf '%5d s  %s' $((SECONDS - began)) "$name")")
    printf '<== %s: %d s\n' "$name" $((SECONDS - began))
}

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Run a command line as in an activated environment.
in_venv() {
    local venv=$1
    shift
    env VIRTUAL_ENV="$venv" PATH="$venv/bin:$PATH" bash -euo pipefail -c "$*"
}

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

# The path of a Python of this version (3.12, say), or nothing.
find_python() {
    local candidate
    for candidate in "$(command -v python3 || true)" "$(command -v "python$1" || true)" \
        "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
        if [[ -x $candidate && $(version_of "$candidate") == "$1" ]]; then
            printf '%s\n' "$candidate"
            return
        fi
    done
}
